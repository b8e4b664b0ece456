# exposure-vault as a process: what it refuses to start with, whom it answers,
# what its loss does to the service, and that nginx has none of its secrets.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use Exposure::WebSocket;
use POSIX ();
use Socket qw(AF_UNIX SOCK_SEQPACKET pack_sockaddr_un);
use Test::More;

# lib/status.h and lib/vault_wire.h
my ($OK, $INVALID, $DENIED, $EXPIRED, $CORRUPT) = (0, 2, 6, 7, 9);
my ($HELLO, $USER, $SIGN, $CREATE, $META) = (1, 2, 3, 4, 8);
my $LEASE = 104;

my $f = Exposure::Fixture->new;
my $keys = "$f->{dir}/keys";
my $build = $ENV{EXPOSURE_BUILD} || 'build';

# --- what it does not start with --------------------------------------------------------

# What it says when it ends at once; '' if it does not.
sub refusal {
    my (%with) = (master => "$keys/master.key", beside => 1, @_);
    my $out = `timeout 5 '$build/exposure-vault' --socket '$f->{dir}/run/other.sock' \\
        --master '$with{master}' --data '$f->{dir}/store' @{[$with{more} || '']} \\
        @{[$with{beside} ? '--key-beside-data' : '']} 2>&1`;

    return $? >> 8 == 1 && $out !~ /\n./ ? $out : '';
}

sub changed {
    my ($change) = @_;
    my $file = "$keys/changed.key";
    my $bytes = do { local (@ARGV, $/) = "$keys/master.key"; <> };

    unlink $file;
    Exposure::Fixture::append($file, $change->($bytes));
    chmod 0600, $file;
    return $file;
}

like(refusal(beside => 0), qr/--key-beside-data/, 'a master key beside the data');
chmod 0640, "$keys/master.key";
like(refusal(), qr/chmod 0600/, 'a master key that its group may read');
chmod 0600, "$keys/master.key";
like(refusal(master => "$keys/none"), qr/cannot be opened/, 'none');
like(refusal(master => changed(sub { substr $_[0], 0, 35 })), qr/damaged/, 'a short one');
like(refusal(master => changed(sub { "$_[0]x" })), qr/damaged/, 'a long one');
like(refusal(master => changed(sub { my $b = $_[0]; $b ^= "\1"; $b })), qr/damaged/,
     'one with a flipped bit');
SKIP: {
    skip 'only root can give a file away', 1 if $>;
    my $file = changed(sub { $_[0] });
    chown 12345, -1, $file;
    like(refusal(master => $file), qr/belongs to/, "somebody else's");
}
Exposure::Fixture::make_certificate($keys);
like(refusal(more => "--signing-key $keys/tls.key"), qr/no RSA private key/,
     'a signing key that is not RSA');
chmod 0644, "$keys/signing.pem";
like(refusal(more => "--signing-key $keys/signing.pem"), qr/open to others/,
     'a signing key that others may read');
chmod 0600, "$keys/signing.pem";
like(refusal(more => "--trust 'https://a.test/ api'"), qr/must be/, 'trust without keys');
like(refusal(more => "--trust 'https://a.test/ api $keys/tls.pem'"), qr/./,
     'trust in what is no key set');
like(`'$build/exposure-vault' --help`, qr/^usage: exposure-vault/, 'help');

# --- whom it answers ---------------------------------------------------------------------

sub ask {
    my ($question) = @_;

    socket my $s, AF_UNIX, SOCK_SEQPACKET, 0 or die $!;
    connect $s, pack_sockaddr_un("$f->{dir}/run/vault.sock") or return;
    send $s, $question, 0 or return;
    my $answer = '';
    recv $s, $answer, 65536, 0;
    return $answer;
}

sub status { return length $_[0] ? ord $_[0] : -1 }
sub who { return pack('n/a* n/a*', $_[0], "\0" x 32) }

my $token = $f->token('alice');
my $scan = "\7" x 16;

is(status(ask(chr $HELLO)), $OK, 'answers who is permitted');
is(status(ask(chr($USER) . who($token))), $OK, 'knows a token');
is(status(ask(chr($USER) . who($f->token('alice', claims => {aud => 'another'})))),
   $DENIED, 'a token of another audience, though nginx asks');
is(status(ask(chr($USER) . who($f->token('alice', claims => {iss => 'https://a.test/'})))),
   $DENIED, 'of another issuer');
is(status(ask(chr($USER) . who($f->token('alice', alg => 'HS256')))), $DENIED,
   'signed with the public key');
is(status(ask(chr($USER) . who($f->token('alice', claims => {exp => time - 61})))),
   $EXPIRED, 'one that has ended');
for my $garbage ('', chr 0, chr 255, chr($USER), "\1\1", 'x' x 1000, chr($META) . chr 255,
                 chr($CREATE) . who($token) . 'short')
{
    next if $garbage eq '';
    is(status(ask($garbage)), $INVALID, 'garbage of ' . length($garbage) . ' bytes');
}
is(ask('x' x 150_000), '', 'too much is not read');
is(status(ask(chr $HELLO)), $OK, 'and the next one is answered');

my $lease = substr ask(chr($CREATE) . who($token) . $scan . pack('N C', 1, 1)), -$LEASE;
my $meta = sub {
    return status(substr ask(chr($META) . chr(1) . $_[0] . pack('n/a*', "scans\0")
                             . $scan . pack('N', 1) . "\0" x 32), 2, 1);
};
is($meta->($lease), $OK, 'a lease opens');
is($meta->(substr($lease, 0, 60) . chr(1 ^ ord substr $lease, 60, 1) . substr $lease, 61),
   $CORRUPT, 'not one that was tampered with');

SKIP: {
    skip 'only root can be somebody else', 2 if $>;
    chmod 0711, $f->{dir}, "$f->{dir}/run";
    my $pid = fork;
    if (!$pid) {
        $) = $( = 65534;
        $> = $< = 65534;
        POSIX::_exit(length(ask(chr $HELLO) || '') ? 1 : 0);
    }
    waitpid $pid, 0;
    is($? >> 8, 0, 'hangs up on another user');
    my $log = do { local (@ARGV, $/) = "$f->{dir}/log/vault.log"; <> };
    like($log, qr/^vault: user number 65534 may not ask$/m, 'and says so');
}
like(do { local (@ARGV, $/) = "/proc/$f->{vault}/status"; <> }, qr/^Seccomp:\s+2$/m,
     'its system calls are on a list');

sub socket_of {
    my ($path, $hello) = @_;
    my $ws = Exposure::WebSocket->new(port => $f->port, tls => 1, path => "/api/v1/$path");

    $ws->send_json({type => 'authenticate', %$hello});
    return $ws;
}

# --- it is lost ---------------------------------------------------------------------------

$f->start_nginx;
my $id = $f->upload_phantom($token);
my $list = sub { return $f->http('GET', 'scans', token => $token) };

is($list->()->{status}, 200, 'a scan is listed');
is($f->http('GET', 'readyz')->{json}{key_protection}, 'same-disk', 'readyz: where the keys lie');
like(do { local (@ARGV, $/) = "$f->{dir}/log/vault.log"; <> }, qr/same-disk \(warning: /, 'the vault warns of it');
my $execute = socket_of("scans/$id/execute", {token => $token});
my $session = $execute->expect('assigned')->{session};
my $connect = socket_of('connect', {token => $token, session => $session});
my $revision = $connect->expect('welcome')->{revision};
my $stream = socket_of('stream', {token => $token, session => $session});
is($stream->receive(20)->{op}, 'binary', 'and looked at');
$f->stop_vault('KILL');
$connect->send_json({type => 'settings', revision => $revision || 1, patch => {film => {exposure => 2}}});
$stream->receive(0.2) for 1 .. 5;
is(($stream->receive(20) || {op => 'none'})->{op}, 'binary', 'whose pictures come without the vault');
$connect->send_json({type => 'ping', time => 1});
ok($connect->expect('pong'), 'and whose session goes on');
my $res = $list->();
is($res->{status}, 503, 'what needs a key is 503 while the vault is away');
like($res->{json}{detail}, qr/\w/, 'with a sentence');
is($f->http('GET', "scans/$id/thumbnail", token => $token)->{status}, 503, 'a thumbnail too');
is($f->http('GET', 'users/current')->{status}, 401, 'who one is, is still looked at');
is($f->http('GET', 'healthz')->{status}, 200, 'nginx itself is well');
Exposure::Fixture::wait_for(sub { $f->http('GET', 'readyz')->{status} == 503 }, 'readyz');
is($f->http('GET', 'readyz')->{json}{status}, 'vault', 'and says what is missing');
is($f->http('GET', 'readyz')->{json}{key_protection}, 'same-disk', 'and what it knew of the keys');

$f->start_vault;
Exposure::Fixture::wait_for(sub { $f->http('GET', 'readyz')->{status} == 200 }, 'readyz');
$res = $list->();
is($res->{status}, 200, 'it is found again');
is($res->{json}{scans}[0]{id}, $id, 'and opens what there was');
$_->close_with(1000) for $stream, $connect, $execute;

$f->stop_nginx;
$f->stop_vault;
$f->start_nginx(until => 'healthz');
is($list->()->{status}, 503, 'nginx starts without it');
is($f->http('POST', 'accounts/login', content => {name => 'alice',
            password => $f->{password}{alice}})->{status}, 503, 'and lets nobody in');
is_deeply($f->http('GET', 'readyz')->{json}, {status => 'vault'}, 'nor does it know of keys');
$f->start_vault;
Exposure::Fixture::wait_for(sub { $f->http('GET', 'readyz')->{status} == 200 }, 'readyz');
is($list->()->{status}, 200, 'until it comes');
is($f->http('POST', 'accounts/login', content => {name => 'alice',
            password => $f->{password}{alice}})->{status}, 200, 'the vault signs');

# --- who has what --------------------------------------------------------------------------

# How often bytes occur in a process's memory; undef: it cannot be read.
sub occurs {
    my ($pid, @needles) = @_;
    my $found = 0;

    no warnings 'portable'; # addresses have 64 bits

    open my $maps, '<', "/proc/$pid/maps" or return;
    open my $mem, '<:raw', "/proc/$pid/mem" or return;
    while (<$maps>) {
        my ($from, $to) = /^([0-9a-f]+)-([0-9a-f]+) r.*?(?:\[vvar\]|\[vsyscall\])?$/ or next;
        next if /\[v/;
        sysseek $mem, hex $from, 0 or next;
        my $left = hex($to) - hex $from;
        my $tail = '';
        while ($left > 0) {
            my $n = sysread $mem, my $part, $left < 1 << 22 ? $left : 1 << 22;
            last if !$n;
            $part = $tail . $part;
            for my $needle (@needles) {
                my $at = -1;
                $found++ while ($at = index $part, $needle, $at + 1) >= 0;
            }
            $tail = substr $part, -31;
            $left -= $n;
        }
    }
    return $found;
}

my $master = substr do { local (@ARGV, $/) = "$keys/master.key"; <> }, 0, 32;
my ($prime) = Exposure::Fixture::command('openssl', 'rsa', '-in', $f->signing_key,
                                         '-noout', '-text') =~ /prime1:\s*([0-9a-f:\s]+)/;
$prime =~ s/[^0-9a-f]//g;
$prime = substr pack('H*', $prime), 8, 32;
my $pem = do { local (@ARGV, $/) = $f->signing_key; <> };
my @secrets = ($master, $prime, scalar reverse($prime), substr $pem, 200, 32);

SKIP: {
    my $own = occurs($f->{vault}, $master);
    skip "others' memory cannot be read here", 3 if !defined $own || $>;
    cmp_ok($own, '>', 0, 'the vault has the master secret');
    my @workers = split ' ', Exposure::Fixture::command('pgrep', '-P', $f->nginx_pid);
    cmp_ok(scalar @workers, '>', 1, 'nginx workers');
    is(join(' ', map { occurs($_, @secrets) } @workers, $f->nginx_pid),
       join(' ', map { 0 } @workers, 1), 'have neither it nor the signing key');
}
unlike($f->error_log, qr/\[(?:alert|emerg)\]/, 'no alerts');

done_testing();
