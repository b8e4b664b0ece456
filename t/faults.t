# A disk that fails at any write, is full, or gives back what was not written:
# what was answered is true, nothing is there in part, and the service goes on.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use Exposure::WebSocket;
use Test::More;

my $build = Cwd::abs_path($ENV{EXPOSURE_BUILD} || 'build');
my %errno = (ENOSPC => 28, EIO => 5, EDQUOT => 122);
my $f = Exposure::Fixture->new;

# The disk is where the store is; its switch lies beside the blobs' folder.
my $switch = $f->dir . '/store/switch';
disk(0, 0, 0);
{
    local $ENV{LD_PRELOAD} = "$build/t/failing_disk.so";
    local $ENV{EXPO_DISK} = $switch;
    $f->stop_worker;
    $f->start_worker;
    $f->start_nginx(grace => '100ms');
}

my $alice = $f->token('alice');
my $damaged = qr/^The stored scan is damaged/;
Exposure::Fixture::command("$build/exposure-demo", 'phantom', '--out', $f->dir . '/small',
                           '--size', '32', '--slices', '16');
my $tar = Exposure::Fixture::command('tar', '-C', $f->dir . '/small', '--format=ustar',
                                     '-cf', '-', '.');

# --- one call fails ----------------------------------------------------------------

my ($kept) = upload();
is(settled($kept), 'ready', 'a scan comes in');
my $calls = seen();
cmp_ok($calls, '>', 20, "through $calls calls that change the disk");

my (%kinds, @half, @wrong);
for my $n (grep { $_ % 3 == 1 } 1 .. $calls) { # t/unit/store_faults.c: each
    my $error = (sort keys %errno)[$n / 3 % 3];

    disk($n, $errno{$error}, 0);
    my ($id, $status) = upload();
    my $state = $id ? settled($id) : 'refused';
    disk(0, 0, 0);

    $kinds{"$status $state"}++;
    my $right = $error eq 'EIO' ? qr/^(201|503)$/ : qr/^(201|503|507)$/;
    push @wrong, "call $n, $error: $status, $state"
        if $status !~ $right || $state !~ /^(ready|failed|refused)$/;

    my @there = ids();
    my @known = ($kept, $id ? $id : ());
    push @half, "call $n, $error: $status, $state, but @there"
        if join(' ', sort @there) ne join(' ', sort @known);
    for my $other (grep { $_ ne $kept } @there) {
        push @wrong, "call $n: cannot be deleted"
            if $f->http('DELETE', "scans/$other", token => $alice)->{status} != 204;
    }
}
note join ', ', map { "$_: $kinds{$_}" } sort keys %kinds;
is("@wrong", '', 'whichever call of an upload or its import fails, the answer says so');
is("@half", '', 'and what was answered is what is there');
cmp_ok(scalar keys %kinds, '>', 2, 'there were several kinds of answer');

# --- a full disk -------------------------------------------------------------------

disk(0, 0, 1);
my ($none, $status) = upload();
is($status, 507, 'on a full disk an upload is refused');
is(join(' ', ids()), $kept, 'and nothing of it is there');
is($f->http('GET', "scans/$kept", token => $alice)->{status}, 200, 'scans are read');
my $second = do {
    disk(0, 0, 0);
    my ($id) = upload();
    settled($id);
    disk(0, 0, 1);
    $id;
};
is($f->http('DELETE', "scans/$second", token => $alice)->{status}, 204,
   'and deleted');
disk(0, 0, 0);
($second) = upload();
is(settled($second), 'ready', 'as soon as there is space, scans come in again');

# --- other bytes than were written ---------------------------------------------------

my %blob = map { $_ => [blobs_of($_)] } $kept, $second;
is(scalar @{$blob{$kept}}, 2, 'a scan has a volume and a thumbnail');
my ($volume, $thumbnail) = @{$blob{$kept}};
my ($other_volume) = @{$blob{$second}};

is(opens($kept), 'shown', 'a whole scan opens');
for my $at (0, 60, 100, 200, (-s $volume) / 2, (-s $volume) - 1) {
    flip($volume, $at);
    like(opens($kept), $damaged, "not with a bit of byte $at of its volume flipped");
    flip($volume, $at);
}
flip($thumbnail, 150);
my $res = $f->http('GET', "scans/$kept/thumbnail", token => $alice);
is("$res->{status} $res->{json}{code}", '500 damaged', 'nor is such a thumbnail shown');
ok(index($res->{content}, 'PNG') < 0, 'not in part either');
is($f->http('GET', "scans/$kept", token => $alice)->{json}{state}, 'ready',
   'the rest of the scan is');
flip($thumbnail, 150);
swap($volume, $other_volume);
like(opens($kept), $damaged, "nor with another scan's volume");
like(opens($second), $damaged, 'nor the other with its');
swap($volume, $other_volume);
truncate $volume, (-s $volume) - 1 or die $!;
like(opens($kept), $damaged, 'nor cut');
is(opens($second), 'shown', 'another scan is none the worse for it');

my $log = $f->error_log;
like($log, qr/\[crit\].* scan $kept: what is stored of it is damaged/, 'the log names the scan');
unlike($log, qr/phantom|Exposure Render|\[alert\]|\[emerg\]|SQL|\Q$alice\E/i,
       'and nothing of what is in it, and has no alarm of nginx');

done_testing();

# --- helpers -------------------------------------------------------------------------

# at, error, full
sub disk {
    open my $out, -e $switch ? '+<:raw' : '>:raw', $switch or die "$switch: $!";
    syswrite $out, pack 'L4', @_[0, 1], 0, $_[2];
    close $out;
}

sub seen { return (unpack 'L4', slurp($switch))[2] }

sub upload {
    my $res = $f->http('POST', 'scans', token => $alice, content => $tar,
                       type => 'application/x-tar');
    return ($res->{json} && $res->{json}{id}, $res->{status});
}

sub settled {
    my ($id) = @_;
    my $state = 'importing';

    for (1 .. 200) {
        my $res = $f->http('GET', "scans/$id", token => $alice);
        $state = $res->{json}{state} if $res->{status} == 200;
        return $state if $state ne 'importing';
        select undef, undef, undef, 0.05;
    }
    return $state;
}

sub ids {
    return map { $_->{id} }
        @{$f->http('GET', 'scans', token => $alice)->{json}{scans}};
}

# Files that the database gives to a scan: its volume's, its thumbnail's.
sub blobs_of {
    my ($id) = @_;
    my $python = 'import base64, sqlite3, sys; s = sys.argv[2].upper(); '
        . 'i = base64.b32decode(s + "=" * (-len(s) % 8)); '
        . 'print(*(base64.b32encode(r[0]).decode().lower().rstrip("=") for r in '
        . 'sqlite3.connect(sys.argv[1]).execute("SELECT id FROM blobs WHERE scan_id = ? ORDER BY kind", (i,))))';

    return map { $f->dir . "/store/blobs/$_" } split ' ', Exposure::Fixture::command(
        '/usr/bin/python3', '-c', $python, $f->dir . '/store/store.db', $id);
}

# What comes of opening the scan: shown, or why not. Its session is gone
# afterwards.
sub opens {
    my ($id) = @_;
    my $execute = socket_of("scans/$id/execute", {token => $alice});
    my $found = next_of($execute);

    $found = next_of($execute) while $found->{type} eq 'queued';
    if ($found->{type} eq 'assigned') {
        my $stream = socket_of('stream', {token => $alice, session => $found->{session}});
        $found = next_of($stream);
        $found = next_of($execute) if $found->{type} eq 'closed';
        $stream->close_with(1000);
    }
    $execute->close_with(1000);
    select undef, undef, undef, 0.3;
    return $found->{detail} || $found->{type};
}

sub socket_of {
    my ($path, $hello) = @_;
    my $ws = Exposure::WebSocket->new(port => $f->port, tls => 1, path => "/api/v1/$path");

    $ws->send_json({type => 'authenticate', %$hello});
    return $ws;
}

sub next_of {
    my ($ws) = @_;
    my $m = $ws->receive(10) or return {type => 'nothing'};

    return {type => 'closed'} if $m->{op} eq 'close';
    return {type => 'shown'} if $m->{op} eq 'binary';
    return JSON::PP::decode_json($m->{data});
}

sub flip {
    my ($path, $at) = @_;
    open my $file, '+<:raw', $path or die $!;
    seek $file, int $at, 0;
    read $file, my $byte, 1;
    seek $file, int $at, 0;
    print $file chr(ord($byte) ^ 4);
    close $file;
}

sub swap {
    my ($one, $other) = @_;
    rename $one, "$one.tmp" and rename $other, $one and rename "$one.tmp", $other
        or die $!;
}

sub slurp {
    open my $in, '<:raw', $_[0] or die "$_[0]: $!";
    local $/;
    return scalar <$in>;
}
