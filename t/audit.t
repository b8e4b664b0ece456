# The audit as people and the operator see it: what was done is there, in order,
# without names; nothing is done that cannot be written down.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use Exposure::WebSocket;
use Test::More;

my $f = Exposure::Fixture->new;
$f->start_nginx;

my $alice = $f->account_token('alice');
my $bob = $f->account_token('bob');
my $id = $f->http('GET', 'users/current', token => $alice)->{json}{id};
my $scan = $f->upload_phantom($alice);

subtest('an owner reads what was done with a scan' => sub {
    is($f->http('PATCH', "scans/$scan", token => $alice, content => {title => 'Knee of somebody'})->{status}, 200);
    is($f->http('GET', "scans/$scan/thumbnail", token => $alice)->{status}, 200) for 1 .. 3;
    is($f->http('PATCH', "scans/$scan", token => $alice, content => {title => 'Head'},
                headers => {'If-Match' => '"999"'})->{status}, 412);
    view($alice);

    my $lines = $f->http('GET', "scans/$scan/audit", token => $alice)->{json}{lines};
    is_deeply([map { "$_->{verb} $_->{outcome}" } reverse @$lines],
              ['scan-add permitted', 'scan-change permitted', 'scan-look permitted',
               'scan-change permitted', 'scan-change failed', 'scan-view permitted'],
              'each thing once, looks within the hour as one');
    is_deeply([grep { $_->{user} ne $id } @$lines], [], 'by the id that the user has everywhere');
    cmp_ok(abs(age($lines->[0]{at})), '<', 60, 'at the time it was done');
});

subtest('everybody reads their own lines' => sub {
    is($f->http('POST', 'accounts/login', content => {name => 'alice', password => $f->{password}{alice}})
       ->{status}, 200);
    my $lines = $f->http('GET', 'users/current/audit', token => $alice)->{json}{lines};
    is("$lines->[0]{verb} $lines->[0]{outcome}", 'sign-in permitted', 'a sign-in is the latest');
    is((grep { ($_->{object} || '') eq $scan } @$lines), 6, 'and what was done with the scan');

    is_deeply($f->http('GET', 'users/current/audit', token => $bob)->{json}{lines}, [], 'nobody else');
    is($f->http('GET', "scans/$scan/audit", token => $bob)->{status}, 404, 'nor of the scan');
});

subtest('a refused sign-in to an account is a line, after the answer' => sub {
    my $before = records();
    is($f->http('POST', 'accounts/login', content => {name => 'alice', password => 'wrong wrong wrong'})
       ->{status}, 401);
    Exposure::Fixture::wait_for(sub { records() == $before + 1 }, 'the line');
    is($f->http('POST', 'accounts/login', content => {name => 'nobody', password => 'wrong wrong wrong'})
       ->{status}, 401);
    select undef, undef, undef, 0.3;
    is(records(), $before + 1, 'but none to an account that is not there');
});

subtest('a configuration is a line of its scan' => sub {
    is($f->http('POST', "scans/$scan/configurations", token => $alice,
                content => {name => 'Front of somebody', settings => settings()})->{status}, 201);
    my $lines = $f->http('GET', "scans/$scan/audit", token => $alice)->{json}{lines};
    is("$lines->[0]{verb} $lines->[0]{outcome}", 'configuration-add permitted');
});

subtest('an invitation that gives nobody anything is a line that says so' => sub {
    my $mine = $f->http('POST', "scans/$scan/invitations", token => $alice, content => {role => 'viewer'})->{json};
    is($f->http('POST', 'invitations/redeem', token => $alice,
                content => {id => $mine->{id}, secret => $mine->{secret}})->{status}, 409, 'her own scan');
    my $lines = $f->http('GET', "scans/$scan/audit", token => $alice)->{json}{lines};
    is(join(', ', map { "$lines->[$_]{verb} $lines->[$_]{outcome}" } 1, 0),
       'share-redeem permitted, share-redeem failed');
});

subtest('the operator verifies the chain, exports it, and notes its end' => sub {
    my $end = admin('tail');
    like($end, qr/^\d+:[0-9a-f]{64}\n$/, 'the end');
    chomp $end;
    like(admin('verify'), qr/^\d+ lines, whole\.\n$/, 'whole');
    like(admin('verify', '--end', $end), qr/whole/, 'and none is missing at the end');

    my @lines = map { JSON::PP::decode_json($_) } split /\n/, admin('export');
    is($lines[-1]{seq}, records(), 'every line');
    is("$lines[-1]{seq}:$lines[-1]{mac}", $end, 'with its mac');
    like(join(' ', map { $_->{verb} } @lines), qr/scan-add scan-change scan-look/);
    is_deeply([grep { /alice|Knee|somebody|127\.0\.0\.1/ } split /\n/, admin('export')], [], 'without names');
    is_deeply([map { JSON::PP::decode_json($_)->{seq} } split /\n/, admin('export', '--after', $lines[-1]{seq} - 2)],
              [$lines[-1]{seq} - 1, $lines[-1]{seq}], 'or what is new');

    is($f->http('GET', "scans/$scan/thumbnail", token => $alice)->{status}, 200);
    view($alice);
    like(admin('verify', '--end', $end), qr/whole/, 'also after it has grown');
});

subtest('what was changed or taken away is found' => sub {
    chomp(my $end = admin('tail'));
    my ($last) = $end =~ /^(\d+)/;

    my $copy = copy();
    sql($copy, 'UPDATE audit SET at = at - 60 WHERE seq = 3');
    like(admin_of($copy, 'verify'), qr/^2 lines, then line 3 is not as it was written/, 'a changed line');

    $copy = copy();
    sql($copy, 'DELETE FROM audit WHERE seq = 2');
    like(admin_of($copy, 'verify'), qr/^1 line, then line 2 is not/, 'a missing line');

    $copy = copy();
    sql($copy, "DELETE FROM audit WHERE seq > $last - 2");
    like(admin_of($copy, 'verify'), qr/whole/, 'a shorter end looks whole');
    like(admin_of($copy, 'verify', '--end', $end), qr/ends before line $last, which was noted/, 'but not to who noted it');
});

subtest('what cannot be written down is not done' => sub {
    my $before = records();
    $f->stop_vault;
    my $res = $f->http('DELETE', "scans/$scan", token => $alice);
    is($res->{status}, 503, 'without the vault there is no line');
    ok($res->{headers}{'retry-after'}, 'it may come again');
    $f->start_vault;
    is($f->http('GET', "scans/$scan", token => $alice)->{status}, 200, 'and nothing was done');
    is(records(), $before, 'nor written');
    is($f->http('DELETE', "scans/$scan", token => $alice)->{status}, 204, 'with it, it is');
    is(records(), $before + 1, 'after its line');
});

done_testing;

sub view {
    my ($token) = @_;
    my $execute = Exposure::WebSocket->new(port => $f->port, tls => 1, path => "/api/v1/scans/$scan/execute");
    $execute->send_json({type => 'authenticate', token => $token});
    my $session = $execute->expect('assigned')->{session};
    my $connect = Exposure::WebSocket->new(port => $f->port, tls => 1, path => '/api/v1/connect');
    $connect->send_json({type => 'authenticate', token => $token, session => $session});
    my $welcome = $connect->expect('welcome');
    $execute->close_with(1000);
    return $welcome->{settings};
}

sub settings { return our $settings ||= view($alice) }

sub age {
    my ($y, $m, $d, $h, $min, $s) = $_[0] =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)Z$/;
    require Time::Local;
    return time - Time::Local::timegm($s, $min, $h, $d, $m - 1, $y);
}

sub records { return (admin('tail') =~ /^(\d+)/)[0] }

sub admin { return admin_of($f->dir . '/store', @_) }

# What it says, however it ends.
sub admin_of {
    my ($store, @words) = @_;
    my @command = ($f->admin, 'audit', @words, '--data', $store, '--keys', $f->dir . '/keys');
    open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or die $!;
    local $/;
    return scalar <$pipe>;
}

my $copies;
sub copy {
    my $to = $f->dir . '/copy' . ++$copies;
    Exposure::Fixture::command('cp', '-a', $f->dir . '/store', $to);
    return $to;
}

# python3 has SQLite; its command line is not needed for anything else.
sub sql {
    my ($store, $sql) = @_;
    Exposure::Fixture::command('python3', '-c',
        'import sqlite3, sys; c = sqlite3.connect(sys.argv[1] + "/store.db"); c.execute(sys.argv[2]); c.commit()',
        $store, $sql);
}
