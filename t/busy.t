# When the thread pool's queue is full: 503 with Retry-After at once, for
# whatever needs it; and all is well when there is room again.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use IO::Select;
use IO::Socket::SSL;
use Test::More;
use Time::HiRes ();

my $f = Exposure::Fixture->new;
$f->start_nginx(workers => 1);

my $alice = $f->token('alice');
my $scan = $f->http('POST', 'scans', token => $alice, content => 'no scan', type => 'application/x-tar')->{json}{id};
Exposure::Fixture::wait_for(sub { $f->http('GET', "scans/$scan", token => $alice)->{json}{state} eq 'failed' },
                            'the import');

# One thread, and room for one more.
Exposure::Fixture::command('sed', '-i', 's/^thread_pool .*/thread_pool exposure threads=1 max_queue=1;/',
                           glob($f->dir . '/run/conf/*.conf'));
kill 'HUP', $f->nginx_pid;
Time::HiRes::sleep(1);
is($f->http('GET', 'readyz')->{status}, 200, 'a pool of one thread');

# Whoever writes waits for this: the thread is taken, then the place behind it.
my $lock = hold();
my @waiting = map { begin() } 1 .. 2;
Time::HiRes::sleep(0.3);

my $t0 = Time::HiRes::time();
for my $path ("scans/$scan", 'users/current', 'readyz') {
    my $res = $f->http('GET', $path, token => $alice);
    is($res->{status}, 503, "$path: there is no room");
    is($res->{headers}{'retry-after'}, 1, 'and when to come again');
    is($res->{json}{code}, 'busy', 'as a problem');
}
is($f->http('POST', 'scans', token => $alice, content => 'x' x 1000, type => 'application/x-tar')->{status}, 503,
   'an upload');
is($f->http('GET', 'healthz')->{status}, 200, 'what needs no thread is answered');
is($f->http('GET', "scans/$scan", token => 'nobody')->{status}, 401, 'and who is nobody');
cmp_ok(Time::HiRes::time() - $t0, '<', 3, 'all at once');

close $lock;
# the place behind it may have been taken by the service's own housekeeping
my @answers = sort map { answer($_) } @waiting;
is($answers[0], 200, 'who had a place is answered');
like($answers[1], qr/^(?:200|503)$/, 'and who had none too');
is($f->http('GET', "scans/$scan", token => $alice)->{status}, 200, 'and everybody again');

done_testing;

# The database's write lock, until the handle is closed.
sub hold {
    open my $pipe, '|-', 'python3', '-c', <<'PY', $f->dir . '/store/store.db' or die $!;
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("BEGIN IMMEDIATE")
open(sys.argv[1] + ".held", "w").close()
sys.stdin.read()
PY
    my $held = $f->dir . '/store/store.db.held';
    Exposure::Fixture::wait_for(sub { -e $held }, 'the lock');
    unlink $held;
    return $pipe;
}

sub begin {
    my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $f->port, SSL_verify_mode => 0)
        or die "no connection: $!";
    print $sock join "\r\n", "PATCH /api/v1/scans/$scan HTTP/1.1", 'Host: x', 'Connection: close',
        "Authorization: Bearer $alice", 'Content-Type: application/json', 'Content-Length: 16', '',
        '{"title":"Knee"}';
    return $sock;
}

sub answer {
    my ($sock) = @_;
    local $/;
    my $bytes = <$sock>;
    return $bytes =~ m{^HTTP/1\.1 (\d+)} ? $1 : 0;
}
