# Uploads that race to the quota, and quotas that change.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use IO::Select;
use IO::Socket::SSL;
use Test::More;
use Time::HiRes ();

my $MIB = 1 << 20;
my $f = Exposure::Fixture->new;
my $token = $f->token('alice');

$f->start_nginx(workers => 1, quota => '8m');

# An upload of `bytes` that is not said to end there.
sub begin {
    my ($bytes) = @_;
    # TLS 1.3 sends tickets, which look like an answer to select
    my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $f->port,
                                 SSL_version => 'TLSv12', SSL_verify_mode => 0)
        or die 'no connection';

    print $s "POST /api/v1/scans HTTP/1.1\r\nHost: localhost\r\n"
        . "Authorization: Bearer $token\r\nContent-Type: application/x-tar\r\n"
        . "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    more($s, $bytes) if $bytes;
    return $s;
}

sub more {
    my ($s, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';

    while ($bytes > 0) {
        my $n = $bytes < 65536 ? $bytes : 65536;
        print $s sprintf("%x\r\n", $n) . "x" x $n . "\r\n" or return;
        $bytes -= $n;
    }
}

# The status, or '' when there is none within `wait` seconds.
sub answer {
    my ($s, $wait) = @_;

    return '' if !$s->pending && !IO::Select->new($s)->can_read($wait);
    my $line = <$s>;
    return defined $line && $line =~ m{^HTTP/1\.1 (\d+)} ? $1 : 'closed';
}

# --- three at once that fit alone and not together ------------------------------------

my @three = map { begin(2 * $MIB) } 1 .. 3;
Time::HiRes::sleep(0.3);
is(join(' ', map { answer($_, 0.1) } @three), '  ', 'six of eight MiB are on their way');
more($three[0], 3 * $MIB);
is(answer($three[0], 5), 507, 'the one that wants more than is left is refused');
close $_ for @three;

# --- nobody takes the memory of everybody ----------------------------------------------

my @many = map { my $s = begin(1); Time::HiRes::sleep(0.02); $s } 1 .. 9;
is(answer($many[8], 5), 503, 'a ninth upload of one user at a time waits');
close $_ for @many;
Exposure::Fixture::wait_for(sub {
    my $s = begin(0);
    print $s "0\r\n\r\n";
    return answer($s, 5) eq '400';
}, 'the places to be free again');
is(scalar(glob("$f->{dir}/store/blobs/*") || 0), 0, 'all this leaves no blob');

# --- a quota holds for old users too -----------------------------------------------------

my $quota = sub { $f->http('GET', 'users/current', token => $token)->{json}{quota_bytes} };

is($quota->(), 8 * $MIB, 'the quota is the site\'s');
$f->stop_nginx;
$f->start_nginx(workers => 1, quota => '32m');
is($quota->(), 32 * $MIB, 'raised, it is more at once');

my $id = $f->upload_phantom($token);
my $used = $f->http('GET', 'users/current', token => $token)->{json}{used_bytes};
is($used, $f->http('GET', "scans/$id", token => $token)->{json}{bytes},
   'what is used is what the scan takes');

# --- a volume that does not fit where its files did ----------------------------------------

my $bob = $f->token('bob');
my $upload = int((length($f->phantom_tar) * 1.001 + 65536) / 1024);
$f->stop_nginx;
$f->start_nginx(workers => 1, quota => "${upload}k");
ok($used > $upload * 1024, 'a volume that is larger than its upload');
eval { $f->upload_phantom($bob) };
like("$@", qr/failed: .*no space left/, 'fails with a sentence');

# --- many imports ---------------------------------------------------------------------------

SKIP: {
    skip 'only root sees what nginx workers have open', 1 if $>;

    $f->stop_nginx;
    $f->start_nginx(workers => 1, quota => '64m');
    kill 'STOP', $f->{worker};
    for (1 .. 12) {
        my $s = begin(1000);
        print $s "0\r\n\r\n";
        is(answer($s, 5), 201, "upload $_");
    }
    Time::HiRes::sleep(0.5);
    chomp(my $master = do { local (@ARGV, $/) = "$f->{dir}/run/nginx.pid"; <> });
    my @workers = split ' ', Exposure::Fixture::command('pgrep', '-P', $master);
    my @open = grep { (readlink || '') =~ m{/store/blobs/} }
        map { glob "/proc/$_/fd/*" } @workers;
    cmp_ok(scalar @open, '<=', 6, 'two at a time of one user have their files open');
    kill 'CONT', $f->{worker};
}

# --- a public key that somebody has exchanged ---------------------------------------------

SKIP: {
    skip 'needs the sqlite3 program', 1
        if system('command -v sqlite3 >/dev/null 2>&1');
    my $carol = $f->token('carol');
    $f->http('GET', 'users/current', token => $carol);
    # nginx may be at the end of an import
    Exposure::Fixture::command('sqlite3', '-cmd', '.timeout 30000',
                               "$f->{dir}/store/store.db",
                               'UPDATE users SET pk = zeroblob(32)');
    my $scan = $f->http('POST', 'scans', token => $carol, content => 'x' x 1000,
                        type => 'application/x-tar')->{json}{id};
    my $shown = $f->http('GET', "scans/$scan", token => $carol)->{json};
    isnt($shown->{failure} ? $shown->{failure}{code} : '', 'damaged',
         'nothing is sealed to it: its owner opens the scan');
}

unlike($f->error_log, qr/\[(alert|crit|emerg)\]/, 'nothing alarming in the log');

done_testing();
