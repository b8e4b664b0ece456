package Exposure::Fixture;

# What a suite runs against: a fresh data folder with keys and a store, two
# accounts, tokens right and wrong, a vault, a render-worker, and on request a
# whole nginx with the shipped configuration. All of it is gone when the object is.

use strict;
use warnings;

use Cwd ();
use Digest::SHA ();
use File::Temp ();
use HTTP::Tiny ();
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 ();
use Scalar::Util ();
use Time::HiRes ();

our $ISSUER = 'https://exposure-render.local';
our $AUDIENCE = 'exposure-render';

# nginx lies where ordinary users do not look.
$ENV{PATH} .= ':/usr/sbin:/sbin';

my %live; # fixtures not yet closed, by address

my $build = Cwd::abs_path($ENV{EXPOSURE_BUILD} || 'build');

# slots: of the render-worker. vault: more options of exposure-vault.
sub new {
    my ($class, %arg) = @_;
    my $tmp = File::Temp->newdir('exposure-XXXXXX', TMPDIR => 1);
    my $self = bless {tmp => $tmp, dir => "$tmp", owner => $$,
                      slots => $arg{slots} || 1}, $class;

    for my $sub (qw(run log app)) {
        mkdir "$tmp/$sub" or die $!;
    }
    mkdir "$tmp/keys", 0700 or die $!;
    symlink "$build/ngx_exposure_module.so", "$tmp/app/ngx_exposure_module.so";
    symlink Cwd::abs_path('portal/dist'), "$tmp/app/portal" if -d 'portal/dist';

    Scalar::Util::weaken($live{0 + $self} = $self);
    command("$build/exposure-admin", 'init', '--data', "$tmp/store",
            '--keys', "$tmp/keys");
    $self->{password} = {alice => 'correct horse battery',
                         bob => 'staple and ladder'};
    $self->add_user($_) for sort keys %{$self->{password}};
    $self->start_vault(@{$arg{vault} || []});
    $self->start_worker;
    return $self;
}

sub dir { return $_[0]{dir} }
sub port { return $_[0]{port} }
sub admin { return "$build/exposure-admin" }

# Ends what was started, once; also at the program's end, while the folder with
# the pid file is still there, and when it is interrupted.
sub close_all {
    my ($self) = @_;

    return if $$ != $self->{owner} || !delete $live{0 + $self};
    local ($?, $!);
    $self->stop_nginx;
    stop_pid(delete $self->{worker}, 'TERM', 1);
    stop_pid(delete $self->{vault}, 'TERM', 1);
}

sub DESTROY { $_[0]->close_all }

END {
    my $status = $?;
    $_->close_all for grep { $_ } values %live;
    $? = $status;
}

$SIG{$_} ||= sub { exit 130 } for qw(INT TERM HUP);

sub add_user {
    my ($self, $name) = @_;

    open my $in, '|-', "$build/exposure-admin", 'user', 'add', $name,
        '--data', "$self->{dir}/store", '--keys', "$self->{dir}/keys",
        '--password-stdin' or die $!;
    print $in $self->{password}{$name};
    close $in or die "exposure-admin user add failed\n";
}

sub start_worker {
    my ($self) = @_;

    $self->{worker} = $self->start('worker', "$build/render-worker", '--slots',
                                   $self->{slots}, '--import',
                                   "$build/exposure-import");
}

# Keys and store lie in one folder here.
sub start_vault {
    my ($self, @more) = @_;

    $self->{vault} = $self->start('vault', "$build/exposure-vault", '--master',
                                  "$self->{dir}/keys/master.key",
                                  '--signing-key', $self->signing_key,
                                  '--issuer', $ISSUER, '--audience', $AUDIENCE,
                                  '--data', "$self->{dir}/store",
                                  '--key-beside-data', @more);
}

sub stop_vault {
    my ($self, $signal) = @_;
    stop_pid(delete $self->{vault}, $signal || 'TERM', 1);
}

# Until it listens at its socket in run/.
sub start {
    my ($self, $name, @words) = @_;
    my $socket = "$self->{dir}/run/$name.sock";

    unlink $socket;
    my $pid = fork;

    die $! unless defined $pid;
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/log/$name.log";
        open STDERR, '>&', \*STDOUT;
        no warnings 'exec';
        exec @words, '--socket', $socket;
        die "no $words[0]\n";
    }

    wait_for(sub {
        return -S $socket || waitpid($pid, 1) && die "$words[0] ended\n";
    }, $words[0]);
    return $pid;
}

sub stop_worker {
    my ($self, $signal) = @_;
    stop_pid(delete $self->{worker}, $signal || 'TERM', 1);
    unlink "$self->{dir}/run/worker.sock";
}

# --- nginx with the shipped configuration, https on a free port ----------------

# until: the path that answers 200 then, readyz when not said. workers: nginx
# processes, 2 when not said. grace: exposure_grace. quota:
# exposure_quota. http, server: more for these blocks.
sub start_nginx {
    my ($self, %arg) = @_;

    $self->{port} = free_port();
    my $conf = command('scripts/configure', '--data', $self->{dir}, '--app',
                       "$self->{dir}/app", '--port', $self->{port}, '--address',
                       '127.0.0.1', '--workers', $arg{workers} || 2,
                       $> == 0 ? ('--user', 'root') : ());
    chomp $conf;
    command('sed', '-i', "s/^exposure_quota .*/exposure_quota $arg{quota};/",
            "$self->{dir}/run/conf/exposure.conf") if $arg{quota};
    append("$self->{dir}/run/conf/exposure.conf", "exposure_grace $arg{grace};\n")
        if $arg{grace};
    append("$self->{dir}/run/conf/exposure.conf", "$arg{http}\n") if $arg{http};
    if ($arg{server}) {
        local $ENV{EXPOSURE_SERVER} = $arg{server};
        command('perl', '-pi', '-e',
                'print $ENV{EXPOSURE_SERVER} if m{^ *location /api/v1/}',
                "$self->{dir}/run/conf/exposure.conf");
    }
    make_certificate("$self->{dir}/keys");
    command($ENV{TEST_NGINX_BINARY} || 'nginx', '-p', "$self->{dir}/run/",
            '-e', "$self->{dir}/log/error.log", '-c', $conf);
    my $until = $arg{until} || 'readyz';
    wait_for(sub { $self->http('GET', $until)->{status} == 200 }, $until);
}

sub stop_nginx {
    my ($self) = @_;

    my $pid = $self->nginx_pid or return;
    stop_pid($pid, 'TERM', 0);
    unlink "$self->{dir}/run/nginx.pid";
}

# Of the master process.
sub nginx_pid {
    my ($self) = @_;

    open my $in, '<', "$self->{dir}/run/nginx.pid" or return;
    chomp(my $pid = <$in>);
    close $in;
    return $pid;
}

# The whole log, to look for what must not be in it.
sub error_log {
    my ($self) = @_;

    open my $in, '<', "$self->{dir}/log/error.log" or return '';
    local $/;
    return scalar <$in>;
}

# {status, headers, content, json}; token, content (a reference becomes JSON),
# type of the content, more headers.
sub http {
    my ($self, $method, $path, %arg) = @_;
    my %headers = %{$arg{headers} || {}};

    $headers{Authorization} = "Bearer $arg{token}" if $arg{token};
    $headers{'Content-Type'} = $arg{type} || 'application/json'
        if defined $arg{content};
    my $content = ref $arg{content} ? JSON::PP::encode_json($arg{content})
                                    : $arg{content};
    my $res = HTTP::Tiny->new(verify_SSL => 0, timeout => 60)->request(
        $method, "https://127.0.0.1:$self->{port}/api/v1/$path",
        {headers => \%headers, defined $content ? (content => $content) : ()});

    $res->{json} = eval { JSON::PP::decode_json($res->{content}) };
    return $res;
}

# Uploads a small phantom and waits until it is ready. Returns the scan's id.
sub upload_phantom {
    my ($self, $token) = @_;
    my $res = $self->http('POST', 'scans', token => $token,
                          content => $self->phantom_tar,
                          type => 'application/x-tar');

    die "upload: $res->{status} $res->{content}\n" if $res->{status} != 201;
    my $id = $res->{json}{id};
    wait_for(sub {
        my $scan = $self->http('GET', "scans/$id", token => $token)->{json};
        die "import failed: $scan->{failure}{detail}\n"
            if $scan->{state} eq 'failed';
        return $scan->{state} eq 'ready';
    }, 'the import');
    return $id;
}

sub phantom_tar {
    my ($self) = @_;

    if (!$self->{tar}) {
        command("$build/exposure-demo", 'phantom', '--out', "$self->{dir}/dicom");
        $self->{tar} = command('tar', '-C', "$self->{dir}/dicom",
                               '--format=ustar', '-cf', '-', '.');
    }
    return $self->{tar};
}

# --- tokens ----------------------------------------------------------------------

# A token of the built-in issuer for subject `sub`, with every claim and header
# member as wished: claims => {}, header => {}, alg => none|HS256|RS256.
sub token {
    my ($self, $sub, %arg) = @_;
    my $now = time;
    my $alg = $arg{alg} || 'RS256';
    my %header = (alg => $alg, typ => 'at+jwt', kid => $self->kid,
                  %{$arg{header} || {}});
    my %claims = (iss => $ISSUER, aud => $AUDIENCE, sub => $sub,
                  iat => $now - 10, nbf => $now - 10, exp => $now + 3600,
                  jti => 'test' . int rand 2**31, %{$arg{claims} || {}});
    my $text = join '.', map { base64url(JSON::PP::encode_json($_)) }
        \%header, \%claims;
    my $signature = '';

    if ($alg eq 'HS256') {
        # The mistake this stands for: the public key taken as HMAC secret.
        my $public = command('openssl', 'pkey', '-in', $self->signing_key,
                             '-pubout');
        $signature = Digest::SHA::hmac_sha256($text, $public);

    } elsif ($alg eq 'RS256') {
        open my $out, '>', "$self->{dir}/to-sign" or die $!;
        print $out $text;
        close $out;
        $signature = command('openssl', 'dgst', '-sha256', '-sign',
                             $arg{key} || $self->signing_key,
                             "$self->{dir}/to-sign");
    }

    return "$text." . base64url($signature);
}

# The token of an account, as signing in gives it.
sub account_token {
    my ($self, $name) = @_;
    my $file = "$self->{dir}/password";

    unlink $file;
    append($file, $self->{password}{$name});
    my $token = command('sh', '-c', "exec '$build/exposure-admin' token --name '$name'"
                        . " --data '$self->{dir}/store' --keys '$self->{dir}/keys' <'$file'");
    chomp $token;
    return $token;
}

sub signing_key { return "$_[0]{dir}/keys/signing.pem" }

# RFC 7638 thumbprint of the signing key, which has the usual exponent 65537.
sub kid {
    my ($self) = @_;

    return $self->{kid} ||= do {
        my ($hex) = command('openssl', 'rsa', '-in', $self->signing_key,
                            '-noout', '-modulus') =~ /Modulus=([0-9A-F]+)/;
        my $n = base64url(pack 'H*', $hex);
        base64url(Digest::SHA::sha256(qq({"e":"AQAB","kty":"RSA","n":"$n"})));
    };
}

# --- small things ------------------------------------------------------------------

sub base64url {
    my $text = MIME::Base64::encode_base64($_[0], '');
    $text =~ tr{+/=}{-_}d;
    return $text;
}

sub command {
    my (@words) = @_;

    open my $pipe, '-|', @words or die "$words[0]: $!\n";
    binmode $pipe;
    my $out = do { local $/; <$pipe> };
    close $pipe or die "@words failed\n";
    return defined $out ? $out : '';
}

sub append {
    my ($path, $text) = @_;

    open my $out, '>>', $path or die $!;
    print $out $text;
    close $out or die $!;
}

sub make_certificate {
    my ($keys) = @_;

    return if -e "$keys/tls.pem";
    command('sh', '-c', 'exec openssl req -x509 -newkey ec -pkeyopt '
            . 'ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost '
            . "-keyout '$keys/tls.key' -out '$keys/tls.pem' 2>/dev/null");
}

sub free_port {
    return IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
}

sub wait_for {
    my ($holds, $what) = @_;

    for (1 .. 1200) {
        return if $holds->();
        Time::HiRes::sleep(0.05);
    }
    die "waited a minute for $what\n";
}

sub stop_pid {
    my ($pid, $signal, $child) = @_;

    return unless $pid;
    kill $signal, $pid;
    for my $i (1 .. 200) {
        return if $child ? waitpid($pid, 1) : !running($pid);
        Time::HiRes::sleep(0.05);
    }
    kill 'KILL', $pid;
    waitpid $pid, 0 if $child;
}

sub running {
    open my $in, '<', "/proc/$_[0]/stat" or return 0;
    return <$in> !~ /\) Z /;
}

1;
