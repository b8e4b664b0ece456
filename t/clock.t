# A wall clock that is wrong, or is set while somebody looks: tokens are good
# from 60 s before to 60 s after what they say, by the service's clock; a session
# ends when its token did when it was shown, however the clock is set meanwhile.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use Exposure::WebSocket;
use Test::More;

my $build = Cwd::abs_path($ENV{EXPOSURE_BUILD} || 'build');
my $f = Exposure::Fixture->new(slots => 2);
my $clock = $f->dir . '/clock';

ahead(0);
{
    local $ENV{LD_PRELOAD} = "$build/t/other_clock.so";
    local $ENV{EXPO_CLOCK} = $clock;
    $f->stop_vault;
    $f->start_vault;
    $f->start_nginx(grace => '100ms');
}
my $token = $f->token('alice');
my $scan = $f->upload_phantom($token);

# --- tokens --------------------------------------------------------------------------

for my $ahead (0, 300, -300, 86400, -86400) {
    ahead($ahead);
    is(listed(exp => 3600, nbf => -10, iat => -10), 200, "$ahead s ahead: a token of that time");
    is(listed(exp => -50, nbf => -100, iat => -100), 200, 'ended 50 s ago');
    is(listed(exp => -60, nbf => -100, iat => -100), 401, 'ended 60 s ago');
    is(listed(exp => 3600, nbf => 59, iat => 59), 200, 'begins in 59 s');
    is(listed(exp => 3600, nbf => 70, iat => -10), 401, 'begins in 70 s');
    is(listed(exp => 3600, nbf => -10, iat => 70), 401, 'was made in 70 s');
}

# --- the clock is set during a session -------------------------------------------------

ahead(0);
my ($execute, $connect) = open_session($token);
for my $ahead (300, -300, 86400, -86400, 0) {
    ahead($ahead);
    select undef, undef, undef, 2;
    $connect->send_json({type => 'ping', time => 1});
    ok(eval { $connect->expect('pong') }, "$ahead s ahead: a session goes on");
}
gone();

for my $ahead (-86400, 86400) {
    my $short = $f->token('alice', claims => {exp => time - 53, nbf => time - 90, iat => time - 90});
    ($execute, $connect) = open_session($short);
    ahead($ahead);
    my $begun = time;
    is($connect->expect_close, 4401, "$ahead s ahead: one ends with its token");
    cmp_ok(abs(time - $begun - 6), '<=', 5, 'when it would have');
    ahead(0);
    gone();
}
unlike($f->error_log, qr/\[(?:alert|emerg)\]/, 'no alerts');

done_testing();

# --- helpers -----------------------------------------------------------------------------

sub ahead {
    my ($s) = @_;

    open my $out, -e $clock ? '+<:raw' : '>:raw', $clock or die $!;
    syswrite $out, pack 'q', $s;
    close $out or die $!;
    select undef, undef, undef, 0.1;
}

# The answer to a token whose moments are so many seconds from the service's now.
sub listed {
    my (%from) = @_;
    open my $in, '<:raw', $clock or die $!;
    read $in, my $ahead, 8;
    my $now = time + unpack 'q', $ahead;

    return $f->http('GET', 'scans', token => $f->token('alice', claims =>
        {map { $_ => $now + $from{$_} } keys %from}))->{status};
}

sub open_session {
    my ($token) = @_;
    my $execute = socket_of("scans/$scan/execute", {token => $token});
    my $session = $execute->expect('assigned')->{session};
    my $connect = socket_of('connect', {token => $token, session => $session});

    $connect->expect('welcome');
    return ($execute, $connect);
}

# Past its grace: who comes next gets a new one.
sub gone {
    $_->drop for $connect, $execute;
    select undef, undef, undef, 1;
}

sub socket_of {
    my ($path, $hello) = @_;
    my $ws = Exposure::WebSocket->new(port => $f->port, tls => 1, path => "/api/v1/$path");

    $ws->send_json({type => 'authenticate', %$hello});
    return $ws;
}
