# What the service's processes leave to others on the same machine: no memory in
# a core dump or before a debugger, and nothing in the access log but who asked
# for what, when, with which outcome.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use Exposure::WebSocket;
use Test::More;

# What is started from here on may not look into processes that forbid it, root
# or not: prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE), whose number is x86-64's. This
# process itself still may, if it is root's.
syscall 157, 24, 19, 0, 0, 0;

my $f = Exposure::Fixture->new;
my $dir = $f->dir;
my $token = $f->token('alice');

$f->start_nginx;

# --- memory ----------------------------------------------------------------------------

my $scan = $f->upload_phantom($token);
my $closed = 0;
$f->http('POST', 'scans', token => $token, content => $f->phantom_tar,
         type => 'application/x-tar');
for (1 .. 2000) {
    my ($importer) = split ' ', `pgrep -P $f->{worker} -x exposure-import` or next;
    $closed = !open_to_others($importer) && !may_dump($importer)
        && Exposure::Fixture::running($importer);
    last if $closed;
}
ok($closed, 'an importer closes its memory');

my $execute = socket_of("scans/$scan/execute", {token => $token});
my $session = $execute->expect('assigned')->{session};
my $stream = socket_of('stream', {token => $token, session => $session});
is($stream->receive(20)->{op}, 'binary', 'a session is open');

my @workers = split ' ', Exposure::Fixture::command('pgrep', '-P', $f->nginx_pid);
my %service = ("nginx's master" => [$f->nginx_pid], 'nginx workers' => \@workers,
               'the vault' => [$f->{vault}], 'the render-worker' => [$f->{worker}]);

my $sleeper = fork // die $!;
exec 'sleep', 60 if !$sleeper;
Exposure::Fixture::wait_for(sub { open_to_others($sleeper) }, 'a process that is open to its user');
kill 'KILL', $sleeper;
waitpid $sleeper, 0;
for my $name (sort keys %service) {
    is(join(' ', grep { open_to_others($_) } @{$service{$name}}), '', "not $name");
    is(join(' ', grep { may_dump($_) } @{$service{$name}}), '', "core dumps of $name: none");
}

SKIP: {
    my @of_worker = mappings($f->{worker}) or skip "root's eyes are needed", 4;
    my @of_nginx = map { mappings($_) } @workers;
    my $ring = qr/memfd:exposure-ring/;

    is(join(' ', grep { !$_->{undumped} } grep { $_->{name} =~ $ring } @of_worker, @of_nginx), '',
       'rings are left out of dumps');
    cmp_ok(scalar(grep { $_->{name} =~ $ring } @of_worker), '>', 0, "the render-worker's");
    cmp_ok(scalar(grep { $_->{name} =~ $ring } @of_nginx), '>', 0, "and nginx's");
    cmp_ok(scalar(grep { $_->{undumped} && $_->{name} eq '' } @of_worker), '>', 0,
           'so is the volume');
}
$_->close_with(1000) for $stream, $execute;

# --- logs ------------------------------------------------------------------------------

my $secret = 'do-not-write-this-down';
is($f->http('GET', "scans/$scan?from=$secret", token => $token, headers =>
    {Referer => "https://a.test/$secret", 'User-Agent' => $secret, Cookie => "a=$secret",
     'X-Forwarded-For' => $secret})->{status}, 200, 'a request');
my $log = do { local (@ARGV, $/) = "$dir/log/access.log"; <> };
like($log, qr{ GET /api/v1/scans/$scan 200 }, 'is in the access log');
unlike($log, qr/\Q$secret\E/, 'without its query, Referer, User-Agent, cookies, other addresses');
unlike($log, qr/\Q$token\E/, 'and without its token');

done_testing();

# --- helpers -----------------------------------------------------------------------------

# To another process of the same user: whether the kernel holds it dumpable.
sub open_to_others {
    my ($pid) = @_;
    return system("exec 2>$dir/refused; : </proc/$pid/mem") == 0;
}

sub may_dump {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/limits" or return 1;
    return !grep { /^Max core file size\s+0\s+0\s/ } <$in>;
}

# {name, undumped} of each of a process's mappings; none if they cannot be read.
sub mappings {
    my ($pid) = @_;
    my @found;

    open my $in, '<', "/proc/$pid/smaps" or return;
    while (<$in>) {
        if (/^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)$/) {
            push @found, {name => $1};
        } elsif (/^VmFlags:(.*)/) {
            $found[-1]{undumped} = $1 =~ /\bdd\b/ ? 1 : 0;
        }
    }
    return @found;
}

sub socket_of {
    my ($path, $hello) = @_;
    my $ws = Exposure::WebSocket->new(port => $f->port, tls => 1, path => "/api/v1/$path");

    $ws->send_json({type => 'authenticate', %$hello});
    return $ws;
}
