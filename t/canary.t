# Names, tokens, secrets, keys and voxels planted in a whole life of a scan,
# and looked for in 15 encodings wherever something could have been left: the
# data folder, logs, temporary files, shared memory, environments, command
# lines, mapped files; keys and voxels also in the memory of every process, five
# seconds after the last session.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Compress::Zlib ();
use Encode ();
use Exposure::Fixture;
use Exposure::WebSocket;
use File::Find ();
use Test::More;

my $build = Cwd::abs_path($ENV{EXPOSURE_BUILD} || 'build');
my $f = Exposure::Fixture->new;
my $dir = $f->dir;
my %canary;      # what must be nowhere, by name
my %key;         # what must not be in memory either
my @shared = glob '/dev/shm/*';

# --- a life --------------------------------------------------------------------------

$canary{password} = word(20);
$f->{password}{carol} = $canary{password};
$f->add_user('carol');
$f->start_nginx;

my $login = $f->http('POST', 'accounts/login', content =>
    {name => 'carol', password => $canary{password}});
is($login->{status}, 200, 'carol signs in');
my $carol = $canary{token} = $login->{json}{access_token};
my ($subject) = JSON::PP::decode_json(MIME::Base64::decode_base64url((split /\./, $carol)[1]))->{sub};
$canary{subject} = $subject;

my $scan = upload_marked();
is($f->http('PATCH', "scans/$scan", token => $carol, content =>
    {title => $canary{title} = word(16)}, headers => if_match($scan))->{status}, 200,
   'she gives it a title');
my $invitation = $f->http('POST', "scans/$scan/invitations", token => $carol, content =>
    {role => 'viewer', label => $canary{label} = word(16)});
is($invitation->{status}, 201, 'invites somebody');
$canary{invitation} = $invitation->{json}{secret};
my $bob = $f->account_token('bob');
is($f->http('POST', 'invitations/redeem', token => $bob, content =>
    {id => $invitation->{json}{id}, secret => $canary{invitation}})->{status}, 200,
   'who takes the invitation');
my $settings = view($carol);
ok($settings, 'she looks at it');
is($f->http('POST', "scans/$scan/configurations", token => $carol, content =>
    {name => $canary{configuration} = word(16), settings => $settings})->{status}, 201,
   'saves how it looks');
ok(view($bob), 'and so does he');

@key{qw(scan volume thumbnail)} = map { pack 'H*', $_ } split ' ', Exposure::Fixture::command(
    "$build/t/scan_keys", "$dir/store", "$dir/keys/master.key",
    $Exposure::Fixture::ISSUER, $subject, $scan);
my %everywhere = (%canary, map { ("$_ key" => $key{$_}) } keys %key);

# --- where nothing of it is --------------------------------------------------------------

my $needles = needles(\%everywhere);
is(scalar keys %$needles, 15, 'in 15 encodings');
is(found_in_files(), '', 'no file has any of it while the scan is there');
is(found_about_processes(), '', 'no environment, command line or name of a mapped file');

sleep 5;
my %unneeded = (%key, voxels => $canary{voxels});
is(found_in_memory(\%unneeded), '', 'no process has keys or voxels in memory 5 s after a session');

my $master = substr slurp("$dir/keys/master.key"), 0, 32;
is(found_in_memory({master => $master}, $f->nginx_pid, nginx_workers(), $f->{worker}), '',
   'and the master secret is in the vault alone');
is(join(' ', grep { slurp("/proc/$_/limits") !~ /^Max core file size\s+0\s/m } service()), '',
   'no process of the service may leave its memory in a file');

# A crash with the scan open.
my $open = open_session($carol);
kill 'KILL', nginx_workers();
$f->stop_worker('KILL');
$f->start_worker;
Exposure::Fixture::wait_for(sub { ($f->http('GET', 'readyz')->{status} || 0) == 200 }, 'nginx');
undef $open;
is(found_in_files(), '', 'nor after a crash of everything that has it open');

is($f->http('DELETE', "scans/$scan", token => $carol)->{status}, 204, 'it is erased');
is(found_in_files(), '', 'nor then');
is(found_about_processes(), '', 'neither about processes');

# --- that it would be found -----------------------------------------------------------------

for my $encoding (sort keys %$needles) {
    Exposure::Fixture::append("$dir/log/leak", "some text $needles->{$encoding}[0][1] and more\n");
    like(found_in_files(), qr/\Q$encoding\E/, "a leak as $encoding is found");
    unlink "$dir/log/leak";
}
{
    local $ENV{LEAK} = $canary{title};
    my $pid = fork // die $!;
    exec 'sleep', '60' if !$pid;
    select undef, undef, undef, 0.2;
    like(found_about_processes(), qr/title/, 'one in an environment');
    kill 'KILL', $pid;
    waitpid $pid, 0;
}
SKIP: {
    skip 'others\' memory cannot be read here', 1 if !readable($$);
    like(found_in_memory(\%unneeded, $$), qr/volume/, 'one in memory');
}
done_testing();

# --- planting --------------------------------------------------------------------------------

sub word {
    my ($n) = @_;
    my @letters = ('a' .. 'k', 'm' .. 'z', 2 .. 9);
    return join '', map { $letters[rand @letters] } 1 .. $n;
}

# A series whose names, descriptions and some voxels are ours.
sub upload_marked {
    my $from = "$dir/marked";
    my %mark = ('Phantom head' => word(12), "Phantom\x20" => word(8));
    my $voxels = join '', map { pack 's<', 100 + int rand 900 } 1 .. 24;

    @canary{qw(description patient)} = values %mark;
    $canary{file} = word(14);
    Exposure::Fixture::command("$build/exposure-demo", 'phantom', '--out', $from,
                               '--size', '32', '--slices', '16');
    for my $path (glob "$from/*") {
        my $bytes = slurp($path);
        $bytes =~ s/\Q$_\E/$mark{$_}/g for reverse sort keys %mark;
        substr($bytes, -600, length $voxels) = $voxels;
        unlink $path;
        (my $name = $path) =~ s{([^/]+)$}{$canary{file}-$1};
        Exposure::Fixture::append($name, $bytes);
    }
    my $tar = Exposure::Fixture::command('tar', '-C', $from, '--format=ustar', '-cf', '-', '.');
    my $volume = Exposure::Fixture::command("$build/exposure-import", $from, '--out', '-');
    $canary{voxels} = substr $volume, -600, length $voxels;
    Exposure::Fixture::command('rm', '-r', $from);

    my $made = $f->http('POST', 'scans', token => $carol, content => $tar,
                        type => 'application/x-tar');
    my $id = $made->{json}{id} || die "upload: $made->{status} $made->{content}\n";
    Exposure::Fixture::wait_for(sub {
        $f->http('GET', "scans/$id", token => $carol)->{json}{state} eq 'ready';
    }, 'the import');
    return $id;
}

sub if_match {
    my ($id) = @_;
    my $etag = $f->http('GET', "scans/$id", token => $carol)->{headers}{etag};
    return {$etag ? ('If-Match' => $etag) : ()};
}

# Until a picture has come: the sockets, and the settings that it was made with.
sub open_session {
    my ($token) = @_;
    my $execute = socket_of("scans/$scan/execute", {token => $token});
    my $session = $execute->expect('assigned')->{session};
    my ($connect, $stream) = map { socket_of($_, {token => $token, session => $session}) }
        qw(connect stream);
    my $settings = $connect->expect('welcome')->{settings};
    my $m = $stream->receive(20);

    return [$m && $m->{op} eq 'binary' ? $settings : undef, $execute, $connect, $stream];
}

sub socket_of {
    my ($path, $hello) = @_;
    my $ws = Exposure::WebSocket->new(port => $f->port, tls => 1, path => "/api/v1/$path");

    $ws->send_json({type => 'authenticate', %$hello});
    return $ws;
}

sub view {
    my ($token) = @_;
    my ($settings, @sockets) = @{open_session($token)};

    $_->close_with(1000) for reverse @sockets;
    return $settings;
}

# --- looking ---------------------------------------------------------------------------------

# {encoding => [[name, bytes]…]}
sub needles {
    my ($what) = @_;
    my %by;

    for my $name (sort keys %$what) {
        my $s = $what->{$name};
        my %as = (
            'bytes' => $s,
            'UTF-16LE' => Encode::encode('UTF-16LE', $s),
            'UTF-16BE' => Encode::encode('UTF-16BE', $s),
            'UTF-32LE' => Encode::encode('UTF-32LE', $s),
            (map { ("base64 at $_" => base64_at($s, $_)) } 0 .. 2),
            'base64url' => base64_at($s, 0) =~ tr{+/}{-_}r,
            'hex' => unpack('H*', $s),
            'HEX' => uc unpack('H*', $s),
            'percent' => join('', map { sprintf '%%%02X', ord } split //, $s),
            'JSON' => join('', map { sprintf '\\u%04x', ord } split //, $s),
            'decimal' => join(',', map { ord } split //, $s),
            'reversed' => scalar reverse($s),
            'deflated' => deflated($s),
        );
        push @{$by{$_}}, [$name, $as{$_}] for keys %as;
    }
    return \%by;
}

# What of it does not depend on its neighbours when it begins at this offset.
sub base64_at {
    my ($s, $offset) = @_;
    my $text = MIME::Base64::encode_base64(substr($s, (3 - $offset) % 3), '');
    $text =~ s/=+$//;
    return substr $text, 0, length($text) - length($text) % 4;
}

sub deflated {
    my ($s) = @_;
    my $d = Compress::Zlib::deflateInit(-WindowBits => -15);
    return $d->deflate($s) . $d->flush;
}

sub hits {
    my ($bytes, $where) = @_;
    my @hits;

    for my $encoding (sort keys %$needles) {
        for (@{$needles->{$encoding}}) {
            push @hits, "$_->[0] as $encoding in $where" if index($bytes, $_->[1]) >= 0;
        }
    }
    return @hits;
}

# Everything that the service writes, and what it could have left elsewhere.
# Passwords given to the fixture and its own token are no files of the service.
sub found_in_files {
    my @files;
    my %mine = map { ($_ => 1) } "$dir/password", "$dir/to-sign";

    File::Find::find({no_chdir => 1, wanted => sub {
        push @files, $_ if -f && !-l && !$mine{$_};
    }}, grep { -d } "$dir/store", "$dir/log", "$dir/run", "$dir/keys", glob '/var/lib/nginx');
    my %before = map { ($_ => 1) } @shared;
    push @files, grep { -f && !$before{$_} } glob '/dev/shm/*';
    return join '; ', map { hits(slurp($_), $_), hits($_, 'a name') } @files;
}

sub nginx_workers {
    return split ' ', Exposure::Fixture::command('pgrep', '-P', $f->nginx_pid);
}

sub service {
    return ($f->nginx_pid, nginx_workers(), grep { defined } @$f{qw(worker vault)});
}

# All processes of the service, and whatever else this one has started.
sub processes {
    my @pids = ($f->nginx_pid, nginx_workers());
    my @more = $$;

    while (@more = map { split ' ', `pgrep -P $_` } @more) {
        push @pids, @more;
    }
    return grep { -d "/proc/$_" } @pids;
}

sub found_about_processes {
    my @hits;

    for my $pid (processes()) {
        for my $what (qw(environ cmdline maps)) {
            open my $in, '<:raw', "/proc/$pid/$what" or next;
            local $/;
            my $bytes = <$in>;
            push @hits, hits($bytes, "$what of $pid") if defined $bytes;
        }
        push @hits, hits(join(' ', map { readlink // '' } glob "/proc/$pid/fd/*"), "files of $pid");
    }
    return join '; ', @hits;
}

sub readable {
    open my $in, '<:raw', "/proc/$_[0]/mem" or return 0;
    return 1;
}

sub found_in_memory {
    my ($what, @pids) = @_;
    my @hits;

    for my $pid (@pids ? @pids : processes()) {
        open my $maps, '<', "/proc/$pid/maps" or next;
        open my $mem, '<:raw', "/proc/$pid/mem" or next;
        for (grep { /^\S+ rw/ } <$maps>) {
            my ($from, $to) = map { no warnings 'portable'; hex } /^([0-9a-f]+)-([0-9a-f]+)/;
            sysseek $mem, $from, 0 or next;
            sysread $mem, my $bytes, $to - $from or next;
            for my $name (sort keys %$what) {
                push @hits, "$name in $pid (" . slurp("/proc/$pid/comm") =~ s/\n//r . ")"
                    if index($bytes, $what->{$name}) >= 0;
            }
        }
    }
    return join '; ', @hits;
}

sub slurp {
    open my $in, '<:raw', $_[0] or return '';
    local $/;
    my $bytes = <$in>;
    return defined $bytes ? $bytes : '';
}
