package Test::Nginx::Socket;

# Runs Test::Nginx blocks where the real Test::Nginx (CPAN) is not installed.
# Only what the suites in t/ use, meaning there what it means here: a suite
# that passes with one passes with the other. Sections not in %SECTIONS die.
#
# Every sub has a prototype: Test::Base's source filter gives the others a
# $self.

use Test::Base -Base;

use File::Path ();
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use List::Util ();
use Time::HiRes ();

our @EXPORT = qw(plan run_tests repeat_each workers master_on log_level
                 no_shuffle no_root_location no_long_string timeout
                 add_block_preprocessor server_root html_dir server_port
                 env_to_nginx bail_out);

my %SECTIONS = map { $_ => 1 } qw(
    main_config http_config config user_files
    request raw_request more_headers timeout wait shutdown abort
    error_code error_code_like ignore_response
    response_body response_body_like response_body_unlike
    response_headers response_headers_like
    raw_response_headers_like raw_response_headers_unlike
    error_log no_error_log skip_nginx ONLY SKIP LAST name description seq_num);

my $tmp = File::Temp->newdir('exposure-t-XXXXXX', TMPDIR => 1);
my %option = (
    repeat_each => 1, workers => 1, master => 'off', shuffle => 1,
    log_level => $ENV{TEST_NGINX_LOG_LEVEL} || 'debug', root_location => 1,
    timeout => $ENV{TEST_NGINX_TIMEOUT} || 3,
    nginx => $ENV{TEST_NGINX_BINARY} || 'nginx',
    root => $ENV{TEST_NGINX_SERVROOT} || "$tmp/servroot",
    port => $ENV{TEST_NGINX_SERVER_PORT} || $ENV{TEST_NGINX_PORT},
);
$option{shuffle} = 0 if $ENV{TEST_NGINX_NO_SHUFFLE};
$option{port} ||= &free_port();

$ENV{TEST_NGINX_SERVER_ROOT} = $ENV{TEST_NGINX_SERVROOT} = $option{root};
$ENV{TEST_NGINX_HTML_DIR} = "$option{root}/html";
$ENV{$_} = $option{port}
    for qw(TEST_NGINX_SERVER_PORT TEST_NGINX_CLIENT_PORT TEST_NGINX_PORT);

my (@preprocessors, @env, %last);
my $owner = $$;

sub repeat_each (;$) { return option('repeat_each', @_) }
sub workers (;$) { return option('workers', @_) }
sub log_level (;$) { return option('log_level', @_) }
sub timeout (;$) { return option('timeout', @_) }
sub server_port (;$) { return option('port', @_) }
sub server_root (;$) { return $option{root} }
sub html_dir (;$) { return "$option{root}/html" }
sub master_on (;$) { $option{master} = 'on' }
sub no_shuffle (;$) { $option{shuffle} = 0 }
sub no_root_location (;$) { $option{root_location} = 0 }
sub no_long_string (;$) { return }
sub env_to_nginx (@) { push @env, @_ }
sub add_block_preprocessor (&) { unshift @preprocessors, $_[0] }

sub bail_out (@) {
    stop();
    Test::More::BAIL_OUT(@_);
}

END {
    my $rc = $?;
    stop() if $$ == $owner;
    $? = $rc;
}

sub run_tests (;$) {
    my @blocks = blocks();

    @blocks = List::Util::shuffle(@blocks) if $option{shuffle};

    for my $block (@blocks) {
        run_block($block) for 1 .. $option{repeat_each};
    }

    stop();
}

sub run_block ($) {
    my ($block) = @_;
    my $name = $block->name;

    return if defined $block->SKIP;

    $_->($block) for @preprocessors;

    for my $section (keys %$block) {
        bail_out("$name - section --- $section is not known here")
            if ref $block->{$section} eq 'ARRAY' && $section !~ /^_/
               && !$SECTIONS{$section};
    }

    return if skipped($block);

    start($block);

    my @requests = requests($block);
    my $many = @requests > 1;

    for my $i (0 .. $#requests) {
        my $raw = talk($block, $requests[$i]);

        if (!defined $block->ignore_response) {
            my $res = parse_response($raw);
            my $want = sub ($) { return indexed($name, $_[0], $i, $many) };

            check_code($block, $res, $want);
            check_headers($block, $res, $want);
            check_body($block, $res, $want);
        }

        Time::HiRes::sleep($block->wait) if $block->wait;
        check_log($block);
    }
}

# --- starting and stopping -------------------------------------------------

sub start ($) {
    my ($block) = @_;
    my %c = map {
        my $text = $block->$_;
        ($_ => expand(defined $text ? $text : $last{$_} || '', $block->name))
    } qw(main_config http_config config);

    bail_out($block->name . ' - no --- config section, and none before it')
        unless $c{config};
    %last = (%c, pid => $last{pid});

    stop();
    File::Path::remove_tree($option{root});
    File::Path::make_path(map { "$option{root}/$_" } qw(logs html conf));
    chmod 0755, $tmp, $option{root};
    write_user_files($block->user_files) if defined $block->user_files;
    write_config(\%c);

    my $out = `$option{nginx} -p '$option{root}/' -c conf/nginx.conf 2>&1`;
    bail_out($block->name . " - cannot start nginx: $out") if $?;

    my $file = "$option{root}/logs/nginx.pid";
    for (1 .. 200) {
        last if -s $file;
        Time::HiRes::sleep(0.02);
    }
    open my $in, '<', $file or bail_out("no $file");
    chomp($last{pid} = <$in>);
    close $in;
}

sub stop (;$) {
    my $pid = delete $last{pid} or return;

    kill 'QUIT', $pid;
    for my $i (1 .. 250) {
        return unless running($pid);
        kill 'TERM', $pid if $i == 100;
        Time::HiRes::sleep(0.02);
    }
    kill 'KILL', $pid;
}

# A zombie that a container's first process does not collect is not running.
sub running ($) {
    open my $in, '<', "/proc/$_[0]/stat" or return 0;
    return <$in> !~ /\) Z /;
}

sub write_config ($) {
    my ($c) = @_;
    my $load = join '', map { "load_module $_;\n" }
        grep { length } split /\s+/, $ENV{TEST_NGINX_LOAD_MODULES} || '';
    my $env = join '', map { "env $_;\n" } @env, 'ASAN_OPTIONS', 'LD_PRELOAD';
    my $user = $> == 0 ? 'user root;' : '';
    my $location = $option{root_location}
        ? "location / { root $option{root}/html; index index.html; }" : '';

    open my $out, '>', "$option{root}/conf/nginx.conf" or die $!;
    print $out <<_EOC_;
worker_processes $option{workers};
daemon on;
master_process $option{master};
error_log $option{root}/logs/error.log $option{log_level};
pid $option{root}/logs/nginx.pid;
$env$user
$load$c->{main_config}

http {
    access_log $option{root}/logs/access.log;
    default_type text/plain;
    keepalive_timeout 68;
$c->{http_config}

    server {
        listen $option{port};
        server_name localhost;
        client_max_body_size 30M;

$c->{config}

        $location
    }
}

events {
    accept_mutex off;
    worker_connections 64;
}
_EOC_
    close $out;
}

sub write_user_files ($) {
    my ($text) = @_;
    my @parts = split /^>>>\s*(\S+)[^\n]*\n/m, $text;

    shift @parts;
    while (my ($name, $content) = splice @parts, 0, 2) {
        open my $out, '>', "$option{root}/html/$name" or die $!;
        print $out $content;
        close $out;
    }
}

sub skipped ($) {
    my ($block) = @_;
    my $spec = $block->skip_nginx;

    return 0 unless defined $spec;
    bail_out($block->name . " - bad --- skip_nginx: $spec") unless
        $spec =~ /^\s*(\d+)\s*:\s*([<>]=?)\s*(\d+)\.(\d+)\.(\d+)(?:\s*:\s*(.*))?\s*$/;
    my ($tests, $op, $wanted) = ($1, $2, version($3, $4, $5));
    `$option{nginx} -V 2>&1` =~ m{/(\d+)\.(\d+)\.(\d+)} or return 0;
    my $is = version($1, $2, $3);
    my %holds = ('<' => $is < $wanted, '<=' => $is <= $wanted,
                 '>' => $is > $wanted, '>=' => $is >= $wanted);
    return 0 unless $holds{$op};

    SKIP: { Test::More::skip($block->name . ' - nginx version', $tests) }
    return 1;
}

sub version (@) { return ($_[0] * 1000 + $_[1]) * 1000 + $_[2] }

# --- requests ---------------------------------------------------------------

sub requests ($) {
    my ($block) = @_;

    return ref $block->raw_request ? join('', @{$block->raw_request})
                                   : $block->raw_request
        if defined $block->raw_request;

    my $request = $block->request;
    my $headers = $block->more_headers || '';
    my @requests = ref $request eq 'ARRAY' ? @$request : ($request);

    return map {
        build_request($requests[$_],
                      ref $headers eq 'ARRAY' ? $headers->[$_] : $headers)
    } 0 .. $#requests;
}

# The body loses white space at both ends unless its length is given.
sub build_request ($$) {
    my ($text, $headers) = @_;

    1 while $text =~ s/^\s*#[^\n]+\s+|^\s+//s;
    my ($line, $body) = split /\n/, $text, 2;
    my ($method, $url, $version) = split /\s+/, $line;
    my @more = map { s/:\s*/: /r } grep { !/^\s*(?:#|$)/ } split /\n+/, $headers;
    my $given = sub ($) { my $n = shift; return grep { /^\Q$n\E:/i } @more };

    if (defined $body && length $body && !$given->('Content-Length')
        && !grep { /^Transfer-Encoding: chunked/i } @more)
    {
        $body =~ s/^\s+|\s+$//gs;
        push @more, 'Content-Length: ' . length $body;
    }

    unshift @more, 'Connection: close' unless $given->('Connection');
    unshift @more, 'Host: localhost' unless $given->('Host');

    return join("\r\n", join(' ', $method, $url || '/', $version || 'HTTP/1.1'),
                @more, '', '') . (defined $body ? $body : '');
}

# Sends the request, and reads until the server closes or it takes too long.
sub talk ($$) {
    my ($block, $request) = @_;
    my $limit = $block->timeout || $option{timeout};
    $limit =~ s/\s*s$// unless $limit =~ s/\s*ms$/ * 0.001/e;
    my $sock = connect_to_nginx($block->name) or return '';
    my ($sent, $got) = (0, '');
    my $readers = IO::Select->new($sock);
    local $SIG{PIPE} = 'IGNORE';

    $sock->blocking(0);

    while (1) {
        my $writers = $sent < length $request ? IO::Select->new($sock) : undef;
        my ($r, $w) = IO::Select->select($readers, $writers, undef, $limit);

        if (!$r) {
            fail($block->name . ' - the client timed out')
                unless defined $block->abort;
            last;
        }

        if (@$w) {
            my $n = syswrite $sock, $request, 65536, $sent;
            if (!defined $n && !$!{EAGAIN}) {
                $sent = length $request;
            }
            $sent += $n || 0;
            if ($sent == length $request && defined $block->shutdown) {
                shutdown $sock, $block->shutdown =~ /(\d)/ ? $1 : 1;
            }
        }

        if (@$r) {
            my $n = sysread $sock, $got, 65536, length $got;
            last if defined $n ? !$n : !$!{EAGAIN};
        }
    }

    close $sock;
    return $got;
}

sub connect_to_nginx ($) {
    my ($name) = @_;

    for (1 .. 100) {
        my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                         PeerPort => $option{port});
        return $sock if $sock;
        Time::HiRes::sleep(0.02);
    }

    fail("$name - cannot connect to nginx");
    return;
}

# --- answers -----------------------------------------------------------------

# {code, raw: header lines, headers: {lower-case name: value}, body}
sub parse_response ($) {
    my ($raw) = @_;
    my ($head, $body) = split /\r\n\r\n/, $raw, 2;
    my %res = (code => '', raw => '', headers => {},
               body => defined $body ? $body : '');

    return \%res unless defined $head && $head =~ m{^HTTP/1\.\d (\d+)};
    $res{code} = $1;
    $res{raw} = "$head\r\n";

    for my $line (split /\r\n/, $head) {
        my ($name, $value) = $line =~ /^([^:\s]+):\s*(.*?)\s*$/ or next;
        my $h = \$res{headers}{lc $name};
        $$h = defined $$h ? "$$h, $value" : $value;
    }

    if (($res{headers}{'transfer-encoding'} || '') eq 'chunked') {
        $res{body} = unchunk($res{body});

    } elsif (defined(my $n = $res{headers}{'content-length'})) {
        $res{body} = substr $res{body}, 0, $n;
    }

    return \%res;
}

sub unchunk ($) {
    my ($raw) = @_;
    my $body = '';

    while ($raw =~ s/^([0-9a-fA-F]+)[^\r\n]*\r\n//) {
        my $n = hex $1;
        return $body unless $n;
        $body .= substr $raw, 0, $n, '';
        $raw =~ s/^\r\n//;
    }

    fail('chunked body is cut off');
    return $body;
}

sub check_code ($$$) {
    my ($block, $res, $want) = @_;
    my $name = $block->name . ' - status code ok';

    if (defined $block->error_code_like) {
        my $pattern = $want->($block->error_code_like);
        return like($res->{code}, qr/$pattern/sm, $name);
    }

    my $code = defined $block->error_code ? $want->($block->error_code) : 200;
    $code =~ s/\s+//g;
    is($res->{code}, $code, $name);
}

sub check_headers ($$$) {
    my ($block, $res, $want) = @_;
    my $name = $block->name;

    if (defined(my $all = $block->raw_response_headers_like)) {
        my $pattern = $want->($all);
        like($res->{raw}, qr/$pattern/s, "$name - raw headers like");
    }

    if (defined(my $all = $block->raw_response_headers_unlike)) {
        my $pattern = $want->($all);
        unlike($res->{raw}, qr/$pattern/s, "$name - raw headers unlike");
    }

    for my $how (qw(response_headers response_headers_like)) {
        next unless defined $block->$how;

        for my $line (split /\n/, $want->($block->$how)) {
            $line =~ s/^\s+|\s+$//g;
            next unless length $line;

            if ($line =~ s/^!\s*//) {
                ok(!exists $res->{headers}{lc $line}, "$name - no $line");
                next;
            }

            my ($key, $value) = split /\s*:\s*/, $line, 2;
            my $is = $res->{headers}{lc $key};
            $is = '' unless defined $is;
            $how eq 'response_headers'
                ? is($is, $value, "$name - header $key ok")
                : like($is, qr/^$value$/, "$name - header $key like ok");
        }
    }
}

sub check_body ($$$) {
    my ($block, $res, $want) = @_;
    my $name = $block->name;

    if (defined $block->response_body) {
        my $body = $want->($block->response_body);
        ref $body ? like($res->{body}, $body, "$name - body like")
                  : is($res->{body}, $body, "$name - body as expected");

    } elsif (defined $block->response_body_like) {
        my $pattern = $want->($block->response_body_like);
        like($res->{body}, qr/$pattern/s, "$name - body like");

    } elsif (defined $block->response_body_unlike) {
        my $pattern = $want->($block->response_body_unlike);
        unlike($res->{body}, qr/$pattern/s, "$name - body unlike");
    }
}

sub check_log ($) {
    my ($block) = @_;
    my $name = $block->name;

    return unless defined $block->error_log || defined $block->no_error_log;

    # nginx writes what it logs about a request after the connection's end.
    Time::HiRes::sleep(0.045);
    open my $in, '<', "$option{root}/logs/error.log" or die $!;
    my @lines = <$in>;
    close $in;

    for my $p (patterns($block->error_log)) {
        my $re = ref $p ? $p : qr/\Q$p\E/;
        ok(!!(grep { $_ =~ $re } @lines), "$name - \"$p\" is in error.log");
    }

    for my $p (patterns($block->no_error_log)) {
        my $re = ref $p ? $p : qr/\Q$p\E/;
        my ($found) = grep { $_ =~ $re } @lines;
        ok(!defined $found, "$name - \"$p\" is not in error.log") or diag($found);
    }
}

# --- small things -------------------------------------------------------------

sub patterns ($) {
    my ($value) = @_;

    return () unless defined $value;
    return @$value if ref $value eq 'ARRAY';
    return ($value) if ref $value;
    return grep { length } split /\n+/, $value;
}

sub indexed ($$$$) {
    my ($name, $value, $i, $many) = @_;

    return $value->[$i] if ref $value eq 'ARRAY';
    bail_out("$name - many requests need arrays of expectations") if $many;
    return $value;
}

sub expand ($$) {
    my ($text, $name) = @_;

    $text =~ s{\$(TEST_NGINX_[_A-Z0-9]+)}{
        defined $ENV{$1} ? $ENV{$1} : bail_out("$name - no environment $1")
    }eg;
    return $text;
}

sub option ($;$) {
    my ($name, @value) = @_;

    $option{$name} = $value[0] if @value;
    return $option{$name};
}

sub free_port (;$) {
    my $sock = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
    return $sock->sockport;
}
