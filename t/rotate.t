# Another master secret: everybody and all that is theirs moves when they come,
# and then the former one is destroyed. The shipped nginx configuration, a
# render-worker and exposure-admin as an operator calls it.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use Test::More;

my $f = Exposure::Fixture->new(slots => 1);
my $dir = $f->dir;
my @where = ('--data', "$dir/store", '--keys', "$dir/keys");

# What it says, on either output, and its exit status.
sub admin {
    my $words = join ' ', map { "'$_'" } $f->admin, @_, @where;
    my $said = `$words 2>&1`;
    return ($said, $? >> 8);
}

sub says {
    my ($said, $status) = admin(@{$_[0]});
    is($status, $_[3] || 0, "@{$_[0]}: exit status");
    like($said, $_[1], $_[2]);
}

sub restart {
    $f->stop_nginx;
    $f->stop_vault;
    $f->start_vault;
    $f->start_nginx(workers => 2);
}

sub sign_in {
    return $f->http('POST', 'accounts/login', content =>
                    {name => $_[0], password => $f->{password}{$_[0]}})->{json}
           ->{access_token};
}

sub get { return $f->http('GET', $_[0], token => $_[1]) }

$f->{password}{$_} = "a long password of $_" for qw(carol dave);
$f->add_user($_) for qw(carol dave);
$f->start_nginx(workers => 2);

my %token = map { $_ => sign_in($_) } qw(alice bob carol);
my $mine = $f->upload_phantom($token{alice});
my $bobs = $f->upload_phantom($token{bob});
get('users/current', $token{carol});

sub invite {
    return $f->http('POST', "scans/$mine/invitations", token => $token{alice},
                    content => {role => 'viewer'})->{json};
}

sub redeem {
    my ($invited, $who) = @_;
    return $f->http('POST', 'invitations/redeem', token => $token{$who},
                    content => {id => $invited->{id},
                                secret => $invited->{secret}})->{status};
}

is(redeem(invite(), 'bob'), 200, 'bob gets a scan of alice');
my $open = invite();

# The bytes of a scan that only its keys give: its picture; to its owner, all.
sub opened {
    my ($scan, $who, $what) = @_;
    my $res = get("scans/$scan/" . ($what || 'thumbnail'), $token{$who});
    return $res->{status} == 200 ? $res->{content} : "$who: $res->{status}";
}

my $picture = opened($mine, 'alice');
my $volume = opened($mine, 'alice', 'export');
is(opened($mine, 'bob'), $picture, 'and open it');

# --- rotate ----------------------------------------------------------------------

$f->stop_nginx;
$f->stop_vault;
says(['key', 'rotate'], qr/^master secret 2$/, 'a new master secret');
says(['key', 'status'],
     qr/^master secret 2: 0 of 3 users, 0 of 4 accounts\nformer one 1: 3 users, 4 accounts left$/,
     'nobody has come yet');
says(['key', 'retire', '1'], qr/3 users and 4 accounts are left/,
     'so the former one stays', 1);
says(['user', 'add', 'alice'], qr/such an account already/,
     'a name is taken by whichever it is kept', 1);
says(['user', 'disable', 'carol'], qr/^$/, 'and found');
says(['audit', 'verify'], qr/^\d+ lines, whole\.$/, 'the audit goes on');
restart();

# --- everybody comes ---------------------------------------------------------------

# A token of before, in two requests at once.
is(get('scans', $token{carol})->{status}, 403, 'who was disabled still is');
my @pids = map {
    my $pid = fork // die $!;
    if (!$pid) {
        my $ok = get("scans/$mine", $token{bob})->{status} == 200;
        require POSIX;
        POSIX::_exit($ok ? 0 : 1);
    }
    $pid;
} 1 .. 6;
is(scalar(grep { waitpid($_, 0) && $? == 0 } @pids), 6,
   'requests at once move somebody once');
is(get('users/current/audit', $token{bob})->{status}, 200, 'as is written');
ok(opened($mine, 'bob') eq $picture, 'what they could see opens');
ok(opened($bobs, 'bob', 'export') eq $volume, 'and what is theirs');

is($f->http('POST', 'accounts/login', content =>
            {name => 'alice', password => 'not hers'})->{status}, 401,
   'a wrong password stays wrong');
$token{alice} = sign_in('alice');
ok(opened($mine, 'alice', 'export') eq $volume, 'who signs in has what is theirs');
is(get("scans/$mine/permissions", $token{alice})->{status}, 200,
   'with whom it is shared');

says(['user', 'enable', 'carol'], qr/^$/, 'an account that has not come');
$token{$_} = sign_in($_) for qw(bob carol dave);
is(get('scans', $token{$_})->{status}, 200, "$_ comes") for qw(carol dave);
is(redeem($open, 'dave'), 200, 'an invitation of before can be redeemed');
ok(opened($mine, 'dave') eq $picture, 'and opens');
my $new = $f->upload_phantom($token{carol});

# --- retire ------------------------------------------------------------------------

says(['key', 'status'],
     qr/^master secret 2: 4 of 4 users, 4 of 4 accounts\nformer one 1: 0 users, 0 accounts left$/,
     'nobody is left on the former one');
says(['audit', 'verify'], qr/^\d+ lines, whole\.$/, 'the audit is whole');
says(['key', 'retire', '1'], qr/^$/, 'it is destroyed');
is(-s "$dir/keys/master.key.1", 0, 'and only its number is left');
restart();

ok(opened($mine, $_) eq $picture, "$_ goes on without it") for qw(alice bob dave);
ok(opened($mine, 'alice', 'export') eq $volume, 'with all of it');
is(get("scans/$new", $token{carol})->{status}, 200, 'with what is new too');
says(['audit', 'verify'], qr/^\d+ lines, whole from line \d+ on\.$/,
     'the audit is judged from where the new one began');
says(['fsck'], qr/^clean, 0/, 'the store is clean');

unlike($f->error_log, qr/\[(alert|crit|emerg)\]/, 'nothing bad in the log');
$f->close_all;
done_testing();
