package Exposure::WebSocket;

# A WebSocket client for tests (RFC 6455), over TLS or plain, that can also
# send what a client must not send.

use strict;
use warnings;

use Digest::SHA ();
use Exposure::Schema;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 ();
use Time::HiRes ();

my %OP = (continuation => 0, text => 1, binary => 2, close => 8, ping => 9,
          pong => 10);
my $LIMIT_S = 20; # how long anything may take before a test gives up

# port, path; tls => 0|1, origin (its own when not said), headers => {name: value}. What comes back may
# be refused: then status is not 101 and body holds the answer.
sub new {
    my ($class, %arg) = @_;
    my $self = bless {buffer => '', port => $arg{port}}, $class;
    my %address = (PeerAddr => '127.0.0.1', PeerPort => $arg{port},
                   Timeout => $LIMIT_S);

    if ($arg{tls}) {
        require IO::Socket::SSL;
        $self->{sock} = IO::Socket::SSL->new(%address, SSL_verify_mode => 0,
                                             SSL_hostname => 'localhost');
    } else {
        $self->{sock} = IO::Socket::INET->new(%address);
    }
    die "cannot connect to port $arg{port}: $!\n" unless $self->{sock};

    $arg{origin} ||= ($arg{tls} ? 'https' : 'http') . "://localhost:$arg{port}";
    $self->_shake($arg{path}, $arg{origin}, $arg{headers} || {});
    return $self;
}

sub status { return $_[0]{status} }
sub body { return $_[0]{buffer} }

sub _shake {
    my ($self, $path, $origin, $more) = @_;
    my $key = MIME::Base64::encode_base64(pack('N4', map { int rand 2**32 } 1 .. 4), '');
    my %headers = (Host => "localhost:$self->{port}", Upgrade => 'websocket',
                   Connection => 'Upgrade', 'Sec-WebSocket-Version' => 13,
                   'Sec-WebSocket-Key' => $key,
                   Origin => $origin, %$more);

    $self->_write(join "\r\n", "GET $path HTTP/1.1",
                  (map { "$_: $headers{$_}" } sort keys %headers), '', '');
    $self->_fill until $self->{buffer} =~ /\r\n\r\n/ || $self->{eof};
    $self->{buffer} =~ s/^(.*?\r\n\r\n)//s or die "no answer to the handshake\n";
    my $head = $1;
    ($self->{status}) = $head =~ m{^HTTP/1\.1 (\d+)} or die "no HTTP: $head";
    return if $self->{status} != 101;

    my $accept = MIME::Base64::encode_base64(
        Digest::SHA::sha1($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'), '');
    die "Sec-WebSocket-Accept is wrong\n"
        unless $head =~ /^Sec-WebSocket-Accept: \Q$accept\E\r$/mi;
}

# --- sending ------------------------------------------------------------------

sub send_json {
    my ($self, $message) = @_;
    $self->send_frame('text', JSON::PP::encode_json($message));
}

# fin => 0 for all but the last fragment; masked => 0 breaks the protocol.
sub send_frame {
    my ($self, $op, $payload, %arg) = @_;
    my $n = length $payload;
    my $masked = exists $arg{masked} ? $arg{masked} : 1;
    my $bit = $masked ? 0x80 : 0;
    my $head = pack 'C', (exists $arg{fin} && !$arg{fin} ? 0 : 0x80) | $OP{$op};

    $head .= $n < 126 ? pack 'C', $bit | $n
        : $n < 65536 ? pack 'Cn', $bit | 126, $n
        : pack 'CQ>', $bit | 127, $n;

    if ($masked) {
        my $mask = pack 'N', int rand 2**32;
        $head .= $mask;
        $payload ^= substr $mask x ($n / 4 + 1), 0, $n;
    }

    $self->_write($head . $payload);
}

sub close_with {
    my ($self, $code) = @_;
    $self->send_frame('close', pack 'n', $code);
}

# Drops the connection without a word, as a closed laptop does.
sub drop {
    my ($self) = @_;
    close delete $self->{sock} if $self->{sock};
}

# --- receiving ----------------------------------------------------------------

# The next message: {op, data}; pings are answered on the way. A close, or the
# connection's end, is {op => 'close', code, reason} and comes only once.
# undef: nothing within limit_s; 0 takes what is there.
sub receive {
    my ($self, $limit_s) = @_;
    my $until = Time::HiRes::time() + (defined $limit_s ? $limit_s : $LIMIT_S);
    my $looked;

    while (1) {
        my $frame = $self->_frame;

        if (!$frame) {
            if ($self->{eof}) {
                return {op => 'close', code => 1006, reason => ''};
            }
            my $left = $until - Time::HiRes::time();
            return undef if $left <= 0 && $looked++;
            $self->_fill($left > 0 ? $left : 0);
            next;
        }

        if ($frame->{op} == $OP{ping}) {
            $self->send_frame('pong', $frame->{data});
            next;
        }
        next if $frame->{op} == $OP{pong};

        if ($frame->{op} == $OP{close}) {
            my ($code, $reason) = length $frame->{data} ? unpack 'na*', $frame->{data} : (1005, '');
            return {op => 'close', code => $code, reason => $reason};
        }
        return {op => $frame->{op} == $OP{text} ? 'text' : 'binary',
                data => $frame->{data}};
    }
}

# The next JSON message whose type is one of @types, skipping others. Dies,
# naming what came instead, when the connection closes or nothing comes.
sub expect {
    my ($self, @types) = @_;
    my $until = Time::HiRes::time() + $LIMIT_S;

    while (1) {
        my $m = $self->receive($until - Time::HiRes::time())
            or die "no @types came\n";
        die "closed with $m->{code} instead of @types\n" if $m->{op} eq 'close';
        next if $m->{op} ne 'text';
        my $json = JSON::PP::decode_json($m->{data});
        _fits_contract($json);
        return $json if grep { $_ eq $json->{type} } @types;
    }
}

# Whatever the server says must be one of the contract's messages.
sub _fits_contract {
    my ($json) = @_;
    my $contract = Exposure::Schema::file('messages.schema.json');
    my $schema = $contract->{'$defs'}{$json->{type}}
        or die "message $json->{type} is not in the contract\n";
    my @wrong = Exposure::Schema::check($contract, $schema, $json, $json->{type});

    die "against the contract: @wrong\n" if @wrong;
}

# The code it is closed with, skipping messages; 0 when it stays open.
sub expect_close {
    my ($self, $limit_s) = @_;
    my $until = Time::HiRes::time() + ($limit_s || $LIMIT_S);

    while (my $m = $self->receive($until - Time::HiRes::time())) {
        return $m->{code} if $m->{op} eq 'close';
    }
    return 0;
}

sub _frame {
    my ($self) = @_;
    my $b = \$self->{buffer};

    return if length $$b < 2;
    my ($first, $n) = unpack 'CC', $$b;
    my $at = 2;
    die "the server masked a frame\n" if $n & 0x80;
    if ($n == 126) {
        return if length $$b < 4;
        $n = unpack 'x2n', $$b;
        $at = 4;
    } elsif ($n == 127) {
        return if length $$b < 10;
        $n = unpack 'x2Q>', $$b;
        $at = 10;
    }
    return if length $$b < $at + $n;

    my $data = substr $$b, $at, $n;
    substr $$b, 0, $at + $n, '';
    return {op => $first & 15, data => $data};
}

sub _fill {
    my ($self, $limit_s) = @_;
    my $sock = $self->{sock};
    my $pending = $sock->can('pending') && $sock->pending;

    if (!$pending) {
        my $left = defined $limit_s ? $limit_s : $LIMIT_S;
        return unless IO::Select->new($sock)->can_read($left);
    }

    my $n = sysread $sock, $self->{buffer}, 1 << 17, length $self->{buffer};
    return if !defined $n && $!{EAGAIN};
    $self->{eof} = 1 unless $n;
}

sub _write {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';

    while (length $bytes) {
        my $n = syswrite $self->{sock}, $bytes or return;
        substr $bytes, 0, $n, '';
    }
}

1;
