# Sharing: invitations, permissions, roles; and how soon a permission that is
# taken back, changed or over ends what is seen by it, measured on real
# WebSockets over two nginx workers.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use Exposure::WebSocket;
use POSIX ();
use Test::More;
use Time::HiRes ();

my $LIMIT_S = 2; # from the answer to a revocation to the last frame

my $f = Exposure::Fixture->new(slots => 2);
my %token = map { $_ => $f->token($_) } qw(alice bob carol dave);
my %user;

$f->start_nginx(workers => 2, grace => '300ms');
$user{$_} = call($_, GET => 'users/current')->{json}{id} for sort keys %token;
my $scan = $f->upload_phantom($token{alice});
my $settings = default_settings();
call('alice', POST => "scans/$scan/configurations", {name => 'Front', settings => $settings});

# --- small steps that the tests are made of ------------------------------------

sub call {
    my ($who, $method, $path, $content) = @_;
    return $f->http($method, $path, token => $token{$who},
                    defined $content ? (content => $content) : ());
}

# What a new session of this scan starts with.
sub default_settings {
    my $execute = execute('alice');
    my $welcome = watch('connect', $execute->expect('assigned')->{session}, 'alice')->expect('welcome');
    $execute->close_with(1000);
    return $welcome->{settings};
}

sub invite {
    my ($wish) = @_;
    my $res = call('alice', POST => "scans/$scan/invitations", $wish);
    is($res->{status}, 201, 'an invitation is made') or diag($res->{content});
    return $res->{json};
}

sub redeem {
    my ($who, $invitation, %other) = @_;
    return call($who, POST => 'invitations/redeem',
                {id => $invitation->{id}, secret => $invitation->{secret}, %other});
}

sub give {
    my ($who, $role, %more) = @_;
    is(redeem($who, invite({role => $role, %more}))->{status}, 200, "$who has it as $role");
}

sub permission {
    my ($who) = @_;
    return "scans/$scan/permissions/$user{$who}";
}

sub moment {
    my ($s) = @_;
    return POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $s);
}

sub websocket {
    my ($path) = @_;
    return Exposure::WebSocket->new(port => $f->port, tls => 1, path => "/api/v1/$path");
}

sub execute {
    my ($who) = @_;
    my $ws = websocket("scans/$scan/execute");
    $ws->send_json({type => 'authenticate', token => $token{$who}});
    return $ws;
}

sub watch {
    my ($what, $session, $who) = @_;
    my $ws = websocket($what);
    $ws->send_json({type => 'authenticate', session => $session, token => $token{$who}});
    return $ws;
}

# Boxes of scan keys in the database.
sub keys_of {
    my $n = Exposure::Fixture::command('python3', '-c', 'import sqlite3, sys; print(sqlite3.connect('
        . '"file:" + sys.argv[1] + "?mode=ro", uri=True).execute("SELECT count(*) FROM scan_keys").fetchone()[0])',
        $f->dir . '/store/store.db');
    return 0 + $n;
}

# How many nginx workers have a connection of these: by the sockets' inodes.
sub workers_of {
    my (@ws) = @_;
    my (%inode, %pid);

    open my $in, '<', '/proc/net/tcp' or die $!;
    while (<$in>) {
        my (undef, $local, $remote, @rest) = split;
        $inode{$rest[6]} = hex +(split /:/, $remote)[1] if $local =~ /:/;
    }
    my %port = map { $_->{sock}->sockport => 1 } @ws;
    for my $pid (map { m{/proc/(\d+)/fd} } glob '/proc/[0-9]*/fd') {
        for my $fd (glob "/proc/$pid/fd/*") {
            my ($i) = (readlink $fd || '') =~ /^socket:\[(\d+)\]/ or next;
            $pid{$pid} = 1 if $pid != $$ && $inode{$i} && $port{$inode{$i}};
        }
    }
    return scalar keys %pid;
}

# Everything a user can have open: an execute socket with a live session, a
# connect viewer, and stream viewers on both nginx workers that get frames.
sub open_all {
    my ($who) = @_;
    my %open = (execute => execute($who));
    my $session = ($open{assigned} = $open{execute}->expect('assigned'))->{session};

    $open{connect} = watch('connect', $session, $who);
    $open{connect}->expect('welcome');
    for (1 .. 30) {
        push @{$open{streams}}, watch('stream', $session, $who);
        last if @{$open{streams}} >= 4 && workers_of(@{$open{streams}}) >= 2;
    }
    is(workers_of(@{$open{streams}}), 2, "$who streams from both nginx workers");
    for my $stream (@{$open{streams}}) {
        while (my $m = $stream->receive) {
            last if $m->{op} eq 'binary';
        }
    }
    return \%open;
}

# When each socket got its last message before $since's limit, and its Close.
sub ends_within {
    my ($open, $since, $reason) = @_;
    my ($latest, %closed) = (0);
    my @ws = ($open->{execute}, $open->{connect}, @{$open->{streams}});
    my $told;

    for my $ws (@ws) {
        while (my $m = $ws->receive(10)) {
            my $after = Time::HiRes::time() - $since;
            $latest = $after if $after > $latest;
            $told = JSON::PP::decode_json($m->{data})
                if $ws == $open->{execute} && $m->{op} eq 'text';
            next if $m->{op} ne 'close';
            $closed{"$m->{code} $m->{reason}"}++;
            last;
        }
    }
    is_deeply(\%closed, {"4403 $reason" => scalar @ws}, "all are closed with 4403 $reason");
    is($told->{reason}, $reason, 'and who asked for the session is told');
    cmp_ok($latest, '<', $LIMIT_S, sprintf 'nothing comes after %.2f s', $latest);
}

# --- tests -----------------------------------------------------------------------

subtest 'an invitation makes a viewer, once' => sub {
    my $i = invite({role => 'viewer', label => "Bob \x{e9}"});

    like($i->{secret}, qr/^[\w-]{22}$/, 'its secret is given out');
    is($i->{link}, "/invitation/$i->{id}#$i->{secret}", 'and the link');
    my $list = call('alice', GET => "scans/$scan/invitations");
    is_deeply([map { "$_->{id} $_->{role} $_->{label}" } @{$list->{json}{invitations}}],
              ["$i->{id} viewer Bob \x{e9}"], 'it is listed with its label');
    unlike($list->{content}, qr/secret/, 'and never again with its secret');

    is(call('bob', GET => "scans/$scan")->{status}, 404, 'nothing yet');
    my $res = redeem('bob', $i);
    is_deeply($res->{json}, {scan => $scan, role => 'viewer'}, 'redeemed');
    is(redeem('carol', $i)->{status}, 404, 'a second one is refused');
    is_deeply(call('alice', GET => "scans/$scan/invitations")->{json}{invitations}, [],
              'it is not listed any more');

    my ($p) = @{call('alice', GET => "scans/$scan/permissions")->{json}{permissions}};
    is_deeply($p, {user => $user{bob}, role => 'viewer', label => "Bob \x{e9}",
                   since => POSIX::strftime('%Y-%m-%d', gmtime)}, 'the permission is');
};

subtest 'a viewer sees and changes nothing' => sub {
    my ($listed) = @{call('bob', GET => 'scans')->{json}{scans}};
    is("$listed->{id} $listed->{role}", "$scan viewer", 'it is in the list');
    is(call('bob', GET => "scans/$scan")->{json}{role}, 'viewer', 'the scan');
    is(call('bob', GET => "scans/$scan/thumbnail")->{status}, 200, 'its thumbnail');
    my ($c) = @{call('bob', GET => "scans/$scan/configurations")->{json}{configurations}};
    is($c->{name}, 'Front', 'its configurations');
    is(call('bob', GET => "configurations/$c->{id}")->{status}, 200, 'each of them');

    for (['PATCH', "scans/$scan", {title => 'Mine'}], ['DELETE', "scans/$scan"],
         ['POST', "scans/$scan/configurations", {name => 'x', settings => $settings}],
         ['PATCH', "configurations/$c->{id}", {name => 'x'}],
         ['DELETE', "configurations/$c->{id}"],
         ['GET', "scans/$scan/permissions"], ['GET', "scans/$scan/invitations"],
         ['POST', "scans/$scan/invitations", {role => 'viewer'}],
         ['PATCH', permission('bob'), {role => 'editor'}], ['DELETE', permission('bob')]) {
        is(call('bob', @$_)->{status}, 403, "$_->[0] $_->[1] is refused");
    }
};

subtest 'whatever is wrong with an invitation, the answer is the same' => sub {
    my $i = invite({role => 'viewer'});
    my $gone = invite({role => 'viewer'});
    my $other = substr($i->{secret}, 0, 20) . 'AA';
    call('alice', DELETE => "invitations/$gone->{id}");

    my @refusals = (redeem('carol', $i, secret => $other), redeem('carol', $gone),
                    redeem('carol', $i, secret => 'x'), redeem('carol', $i, id => 'a' x 26));
    is_deeply([map { "$_->{status} $_->{content}" } @refusals],
              [("404 $refusals[0]{content}") x 4], 'equal bytes');

    # With the one above these were five.
    my $res = redeem('carol', $i);
    is($res->{status}, 429, 'the sixth is one too many, even with the right secret');
    cmp_ok($res->{headers}{'retry-after'}, '<=', 60, 'for a minute at most');
    call('alice', DELETE => "invitations/$i->{id}");
    $f->stop_nginx;
    $f->start_nginx(workers => 2, grace => '300ms'); # and the minute is over
};

subtest 'the owner has nothing to accept, and the better role stays' => sub {
    my $i = invite({role => 'editor', access_expires => moment(time + 3600)});
    my $res = redeem('alice', $i);
    is("$res->{status} $res->{json}{code}", '409 own', 'the owner is told so');

    is(redeem('bob', $i)->{json}{role}, 'editor', 'bob becomes an editor');
    is(redeem('bob', invite({role => 'viewer'}))->{json}{role}, 'editor', 'and stays one');
    is(call('bob', POST => "scans/$scan/configurations",
            {name => 'Side', settings => $settings})->{status}, 201, 'who saves');
    is(call('bob', PATCH => "scans/$scan", {title => 'x'})->{status}, 403, 'and does not rename');
    like(call('bob', GET => "scans/$scan")->{json}{expires}, qr/^20.*Z$/, 'he sees until when');
    call('alice', DELETE => permission('bob'));
};

subtest 'wishes that cannot be are refused with a sentence' => sub {
    give('bob', 'viewer');
    for my $wish ({}, {role => 'owner'}, {role => 'viewer', days => 91}, {role => 'viewer', days => 0},
                  {role => 'viewer', expires => moment(time - 1)}, {role => 'viewer', more => 1},
                  {role => 'viewer', expires => moment(time + 60), days => 1},
                  {role => 'viewer', access_expires => '2100-02-30T00:00:00Z'},
                  {role => 'viewer', label => 'x' x 201}, {role => 'viewer', label => ''}) {
        is(call('alice', POST => "scans/$scan/invitations", $wish)->{status}, 400, 'an invitation');
    }
    for my $wish ({}, {role => 'owner'}, {expires => moment(time)}, {expires => 5}, {label => 5}) {
        is(call('alice', PATCH => permission('bob'), $wish)->{status}, 400, 'a permission');
    }
    is(call('alice', PATCH => permission('carol'), {role => 'editor'})->{status}, 404, 'nobody');
    is(call('alice', DELETE => permission('alice'))->{status}, 404, 'the owner');
    is(call('alice', DELETE => "scans/$scan/permissions/x")->{status}, 404, 'no id');
    call('alice', DELETE => permission('bob'));
};

subtest 'a label is changed and taken away' => sub {
    give('bob', 'viewer', label => 'before');
    is(call('alice', PATCH => permission('bob'), {label => 'after'})->{json}{label}, 'after', 'changed');
    is(call('alice', PATCH => permission('bob'), {role => 'editor'})->{json}{label}, 'after', 'kept');
    is(call('alice', PATCH => permission('bob'), {label => undef})->{json}{label}, '', 'gone');
    call('alice', DELETE => permission('bob'));
};

subtest 'who gives it up has nothing more' => sub {
    give('bob', 'viewer');
    is(call('alice', DELETE => "scans/$scan/permissions/current")->{status}, 403, 'not the owner');
    is(call('bob', DELETE => "scans/$scan/permissions/current")->{status}, 204, 'bob leaves');
    is(call('bob', GET => "scans/$scan")->{status}, 404, 'and is a stranger');
};

subtest 'taken back: everything of it ends within two seconds' => sub {
    give('bob', 'viewer');
    my $owner = execute('alice');
    my $alices = $owner->expect('assigned');
    my $open = open_all('bob');

    is(call('alice', DELETE => permission('bob'))->{status}, 204, 'revoked');
    my $since = Time::HiRes::time();
    for my $what (qw(connect stream)) {
        my $ws = websocket($what);
        $ws->send_json({type => 'authenticate', session => $open->{assigned}{session},
                        ticket => $open->{assigned}{tickets}{$what}});
        is($ws->expect_close, 4404, "an unused ticket to $what is dead at once");
        is(watch($what, $open->{assigned}{session}, 'bob')->expect_close, 4404, 'the session too');
    }
    is(execute('bob')->expect_close, 4404, 'and he gets no other one');
    is(call('bob', GET => "scans/$scan")->{status}, 404, 'nor anything else');
    ends_within($open, $since, 'revoked');

    my $mine = watch('connect', $alices->{session}, 'alice');
    ok($mine->expect('welcome'), "the owner's session goes on");
    $owner->close_with(1000);
};

subtest 'over: the same at its second' => sub {
    give('bob', 'viewer');
    my $open = open_all('bob');
    my $end = time + 3;

    is(call('alice', PATCH => permission('bob'), {expires => moment($end)})->{json}{expires},
       moment($end), 'it ends soon');
    is(call('bob', GET => "scans/$scan")->{status}, 200, 'he may until then');
    ends_within($open, $end, 'expired');
    is(call('bob', GET => "scans/$scan")->{status}, 404, 'and no longer');
    is_deeply(call('alice', GET => "scans/$scan/permissions")->{json}{permissions}, [],
              'it is not listed');
};

subtest 'another role: the session ends and may be asked for again' => sub {
    give('bob', 'viewer');
    my $open = open_all('bob');

    is(call('alice', PATCH => permission('bob'), {role => 'editor'})->{json}{role}, 'editor', 'changed');
    ends_within($open, Time::HiRes::time(), 'changed');
    my $again = execute('bob');
    ok($again->expect('assigned'), 'he has another one');
    is(call('bob', POST => "scans/$scan/configurations",
            {name => 'Top', settings => $settings})->{status}, 201, 'and may save');
    $again->close_with(1000);
    call('alice', DELETE => permission('bob'));
};

subtest 'who waits for a slot is told too' => sub {
    give('bob', 'viewer');
    give('carol', 'viewer');
    give('dave', 'viewer');
    my @busy = map { execute($_) } qw(alice carol);
    $_->expect('assigned') for @busy;
    my $bob = execute('bob');
    $bob->expect('queued');

    call('alice', DELETE => permission('bob'));
    is($bob->expect('ended')->{reason}, 'revoked', 'he hears why');
    is($bob->expect_close, 4403, 'and is closed');

    call('alice', PATCH => permission('dave'), {expires => moment(time + 2)});
    my $dave = execute('dave');
    $dave->expect('queued');
    sleep 3;
    $busy[0]->close_with(1000);
    is($dave->expect('ended', 'assigned')->{reason}, 'expired', 'a turn that comes too late');
    $_->close_with(1000) for @busy;
    call('alice', DELETE => permission('carol'));
};

subtest 'a new key: all that stays is there under it' => sub {
    give('carol', 'editor', label => 'Carol');
    give('bob', 'viewer');
    my $unused = invite({role => 'viewer'});
    my %before = map { $_ => call('alice', GET => "scans/$scan$_")->{content} } '/thumbnail', '/configurations';
    my @files = sort glob $f->dir . '/store/blobs/*';
    my $carol = execute('carol');
    my $session = $carol->expect('assigned')->{session};

    my $res = call('alice', DELETE => permission('bob') . '?rotate=true');
    is($res->{status}, 204, 'bob is out, and the key is another one') or diag($res->{content});
    my %known = map { $_ => 1 } @files;
    my @now = glob $f->dir . '/store/blobs/*';
    is(scalar @now, scalar @files, 'as many files as before');
    is(scalar(grep { $known{$_} } @now), 0, 'and none of the old ones');

    for my $who (qw(alice carol)) {
        is(call($who, GET => "scans/$scan/thumbnail")->{content}, $before{'/thumbnail'},
           "$who sees the thumbnail");
        my @names = map { $_->{name} } @{call($who, GET => "scans/$scan/configurations")->{json}{configurations}};
        is_deeply(\@names, [qw(Front Side Top)], 'and the configurations');
    }
    my ($p) = @{call('alice', GET => "scans/$scan/permissions")->{json}{permissions}};
    is($p->{label}, 'Carol', 'labels are there');
    is(redeem('dave', $unused)->{status}, 404, 'unused invitations are not');
    ok(watch('connect', $session, 'carol')->expect('welcome'), 'open sessions go on');
    my $alice = execute('alice');
    ok($alice->expect('assigned'), 'and new ones open');
    is(call('bob', GET => "scans/$scan")->{status}, 404, 'bob is out');
    $_->close_with(1000) for $alice, $carol;
};

subtest 'what is over is gone from the database within a minute' => sub {
    my $end = time + 5;
    give('dave', 'viewer', access_expires => moment($end));
    is(keys_of(), 3, "alice's, carol's and dave's key");
    while (keys_of() > 2 && time < $end + 60) {
        sleep 1;
    }
    is(keys_of(), 2, sprintf 'two are left after %d s', time - $end);
};

subtest 'a render-worker that does not answer holds nothing open' => sub {
    give('bob', 'viewer');
    my $open = open_all('bob');

    kill 'STOP', $f->{worker};
    is(call('alice', DELETE => permission('bob'))->{status}, 204, 'revoked');
    ends_within($open, Time::HiRes::time(), 'revoked');
    kill 'CONT', $f->{worker};
};

subtest 'nothing of it is in the log, and the store is whole' => sub {
    unlike($f->error_log, qr{/invitation/|secret|Carol|rotate=}, 'no secret, no label, no query');
    unlike($f->error_log, qr/\[(?:alert|emerg|crit)\]/, 'no alert');
    my $fsck = $f->admin . " fsck '" . $f->dir . "/store' 2>&1";
    my $said = `$fsck`;
    is($?, 0, 'fsck') or diag($said);
};

done_testing;
