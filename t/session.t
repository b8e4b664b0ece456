# Queue, sessions and streams over real WebSockets: the shipped nginx
# configuration with two worker processes, and one render-worker with one slot.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use Exposure::WebSocket;
use Test::More;

my $f = Exposure::Fixture->new(slots => 1);
my %token = map { $_ => $f->token($_) } qw(alice bob carol);
my %scan;

$f->start_nginx(workers => 2, grace => '300ms');
$scan{$_} = $f->upload_phantom($token{$_}) for sort keys %token;

# --- small steps that the tests are made of ------------------------------------

sub websocket {
    my ($path, %arg) = @_;
    return Exposure::WebSocket->new(port => $f->port, tls => 1,
                                    path => "/api/v1/$path", %arg);
}

# Asks for a session of the user's own scan.
sub execute {
    my ($user) = @_;
    my $ws = websocket("scans/$scan{$user}/execute");
    $ws->send_json({type => 'authenticate', token => $token{$user}});
    return $ws;
}

sub open_by_ticket {
    my ($what, $assigned) = @_;
    my $ws = websocket($what);
    $ws->send_json({type => 'authenticate', session => $assigned->{session},
                    ticket => $assigned->{tickets}{$what}});
    return $ws;
}

sub open_by_token {
    my ($what, $session, $user) = @_;
    my $ws = websocket($what);
    $ws->send_json({type => 'authenticate', session => $session,
                    token => $token{$user}});
    return $ws;
}

sub refused_with {
    my ($path, $message) = @_;
    my $ws = websocket($path);
    ref $message ? $ws->send_json($message) : $ws->send_frame('text', $message);
    return $ws->expect_close;
}

sub frame_header {
    my ($bytes) = @_;
    my %h;
    @h{qw(version codec flags reserved sequence revision samples time_us width
          height bytes)} = unpack 'CCCCL<L<L<Q<S<S<L<', $bytes;
    return \%h;
}

sub next_frame {
    my ($ws) = @_;
    while (my $m = $ws->receive) {
        die "closed with $m->{code}\n" if $m->{op} eq 'close';
        return $m->{data} if $m->{op} eq 'binary';
    }
    die "no frame came\n";
}

# --- tests -----------------------------------------------------------------------

subtest 'a session: assigned, welcomed, streamed, and the slot is free again' => sub {
    my $execute = execute('alice');
    my $assigned = $execute->expect('assigned');
    like($assigned->{session}, qr/^[a-z2-7]{26}$/, 'a session id');
    cmp_ok($assigned->{expires}, '>', time - 1, 'tickets expire later');

    my $connect = open_by_ticket('connect', $assigned);
    my $welcome = $connect->expect('welcome');
    is($welcome->{volume}{modality}, 'CT', 'the volume is described');
    is(scalar @{$welcome->{histogram}{counts}}, 256, 'with its histogram');
    ok($welcome->{settings}{camera}, 'and settings');

    my $stream = open_by_ticket('stream', $assigned);
    my $last;
    for my $n (1 .. 5) {
        my $bytes = next_frame($stream);
        my $h = frame_header($bytes);
        is($h->{version}, 1, "frame $n: version");
        is($h->{codec}, 1, "frame $n: MPEG-1 in a transport stream");
        is($h->{reserved}, 0, "frame $n: reserved byte");
        is($h->{bytes}, length($bytes) - 32, "frame $n: payload bytes");
        is($h->{flags} & 1, 1, 'the first one is a keyframe') if $n == 1;
        cmp_ok($h->{sequence}, '>', $last, "frame $n: sequence rises") if $last;
        $last = $h->{sequence};
        is(substr($bytes, 32, 1), "\x47", "frame $n: transport stream sync byte");
    }

    $connect->send_json({type => 'settings', revision => 7,
                         patch => {camera => {fov_deg => 50}}});
    my $settings = $connect->expect('settings');
    is($settings->{request}, 7, 'the answer names the request');
    is($settings->{by}, $welcome->{viewer}, 'and who asked');
    is($settings->{settings}{camera}{fov_deg}, 50, 'the patch was taken');
    my $shown = 0;
    for (1 .. 100) {
        $shown = frame_header(next_frame($stream))->{revision};
        last if $shown >= $settings->{revision};
    }
    cmp_ok($shown, '>=', $settings->{revision}, 'a picture shows the change');

    $connect->send_json({type => 'settings', revision => 8,
                         patch => {camera => {fov_deg => 5000}}});
    my $error = $connect->expect('error');
    is($error->{request}, 8, 'a patch out of range is refused');
    like($error->{detail}, qr/fov_deg/, 'and the place is named');

    $connect->send_json({type => 'pick', request => 9, x => 0.5, y => 0.5});
    my $picked = $connect->expect('picked');
    is($picked->{request}, 9, 'a pick is answered');
    my ($low, $high) = @{$welcome->{volume}}{qw(bounds_min bounds_max)};
    is(scalar(grep { $picked->{point_mm}[$_] >= $low->[$_]
                     && $picked->{point_mm}[$_] <= $high->[$_] } 0 .. 2), 3,
       'with a point of the volume');
    $connect->send_json({type => 'pick', request => 10, x => 0, y => 0});
    my $nothing = $connect->expect('picked');
    is($nothing->{request}, 10, 'a pick of nothing is answered too');
    ok(!$nothing->{point_mm}, 'without a point');

    $connect->send_json({type => 'ping', time => 12.5});
    is($connect->expect('pong')->{time}, 12.5, 'ping is answered');

    $execute->close_with(1000);
    my $bob = execute('bob');
    ok($bob->expect('assigned'), 'after closing, the slot is given to another');
    $bob->close_with(1000);
};

subtest 'the queue is first in, first out, across nginx workers' => sub {
    my $alice = execute('alice');
    $alice->expect('assigned');

    my $bob = execute('bob');
    my $queued = $bob->expect('queued');
    is($queued->{position}, 1, 'the second user is first in the queue');
    my $carol = execute('carol');
    is($carol->expect('queued')->{position}, 2, 'the third is second');

    $alice->close_with(1000);
    ok($bob->expect('assigned'), 'who came first gets the slot');
    my $moved = $carol->expect('queued', 'assigned');
    is($moved->{type}, 'queued', 'the other still waits');
    is($moved->{position}, 1, 'and has moved up');

    $bob->drop;
    ok($carol->expect('assigned'), 'a dropped connection frees the slot too');
    $carol->close_with(1000);
};

subtest 'who leaves the queue is passed over' => sub {
    my $alice = execute('alice');
    $alice->expect('assigned');
    my $bob = execute('bob');
    $bob->expect('queued');
    my $carol = execute('carol');
    $carol->expect('queued');

    $bob->drop;
    $alice->close_with(1000);
    ok($carol->expect('assigned'), 'the next one in line is assigned');
    $carol->close_with(1000);
};

subtest 'the same user with the same scan comes back to the same session' => sub {
    my $first = execute('alice');
    my $session = $first->expect('assigned')->{session};
    $first->drop;
    my $again = execute('alice');
    is($again->expect('assigned')->{session}, $session, 'within the grace period');
    $again->close_with(1000);
};

subtest 'several viewers, whichever nginx worker serves them' => sub {
    my $execute = execute('alice');
    my $session = $execute->expect('assigned')->{session};
    my @connect = map { open_by_token('connect', $session, 'alice') } 1 .. 4;
    my @welcome = map { $_->expect('welcome') } @connect;
    my @stream = map { open_by_token('stream', $session, 'alice') } 1 .. 4;

    for my $i (0 .. $#stream) {
        my $h = frame_header(next_frame($stream[$i]));
        is($h->{flags} & 1, 1, "viewer $i starts with a keyframe");
    }

    $connect[0]->send_json({type => 'settings', revision => 1,
                            patch => {film => {exposure => 2}}});
    for my $i (0 .. $#connect) {
        my $m = $connect[$i]->expect('settings');
        is($m->{settings}{film}{exposure}, 2, "viewer $i hears of the change");
        is($m->{by}, $welcome[0]{viewer}, "viewer $i hears who made it");
    }

    $_->drop for @stream[0, 1], $connect[3];
    ok(next_frame($stream[3]), 'the others go on when some leave');
    $execute->close_with(1000);
};

subtest 'who is refused, and how' => sub {
    my $execute = execute('alice');
    my $assigned = $execute->expect('assigned');
    my $session = $assigned->{session};
    my $first = open_by_ticket('connect', $assigned);
    $first->expect('welcome');

    is(refused_with('connect', {type => 'authenticate', session => $session,
                                ticket => $assigned->{tickets}{connect}}),
       4401, 'a ticket is good once');
    is(refused_with('connect', {type => 'authenticate', session => $session,
                                ticket => 'x' x 200}),
       4401, 'a ticket that nobody issued');
    is(refused_with('connect', {type => 'authenticate', session => $session,
                                token => $f->token('alice', claims => {exp => time - 600})}),
       4401, 'an expired token');
    like(refused_with('connect', {type => 'authenticate', session => $session,
                                  token => $token{bob}}),
         qr/^440[34]$/, "another user's session");
    is(refused_with('connect', {type => 'authenticate', session => 'a' x 26,
                                token => $token{alice}}),
       4404, 'a session that does not exist');
    is(refused_with("scans/$scan{alice}/execute",
                    {type => 'authenticate', token => $token{bob}}),
       4404, "another user's scan");
    is(refused_with("scans/$scan{alice}/execute", {type => 'authenticate'}),
       4401, 'neither token nor ticket');
    is(refused_with('connect', 'not json'), 4400, 'no JSON');
    is(refused_with('connect', {type => 'hello'}), 4400, 'another first message');
    is(refused_with('connect', '{"type":"authenticate","type":"authenticate"}'),
       4400, 'a member twice');

    $first->send_frame('text', '{"type":"settings","revision":-1,"patch":{}}');
    is($first->expect_close, 4400, 'a message outside of its schema');

    my $big = open_by_token('connect', $session, 'alice');
    $big->expect('welcome');
    $big->send_frame('text', ' ' x 2_000_000);
    is($big->expect_close, 1009, 'a message that is too big');

    my $unmasked = open_by_token('connect', $session, 'alice');
    $unmasked->expect('welcome');
    $unmasked->send_frame('text', '{"type":"keyframe"}', masked => 0);
    is($unmasked->expect_close, 1002, 'a frame without a mask');

    my $utf8 = open_by_token('connect', $session, 'alice');
    $utf8->expect('welcome');
    $utf8->send_frame('text', "\"\xff\xfe\"");
    like($utf8->expect_close, qr/^(?:1007|4400)$/, 'text that is not UTF-8');

    my $silent = websocket('connect');
    is($silent->expect_close, 4408, 'no first message within 5 s');
    $execute->close_with(1000);
};

subtest 'a message in fragments, with a ping between them' => sub {
    my $execute = execute('alice');
    my $connect = open_by_token('connect', $execute->expect('assigned')->{session},
                                'alice');
    $connect->expect('welcome');
    $connect->send_frame('text', '{"type":"ping",', fin => 0);
    $connect->send_frame('ping', 'x');
    $connect->send_frame('continuation', '"time":3}');
    is($connect->expect('pong')->{time}, 3, 'is put together');
    $execute->close_with(1000);
};

subtest 'deleting a scan ends its session' => sub {
    my $execute = execute('carol');
    my $assigned = $execute->expect('assigned');
    my $stream = open_by_ticket('stream', $assigned);
    next_frame($stream);

    is($f->http('DELETE', "scans/$scan{carol}", token => $token{carol})->{status},
       204, 'deleted');
    is($execute->expect('ended')->{reason}, 'deleted', 'and said so');
    ok($stream->expect_close, 'the stream closes');
};

# Tokens are taken for 60 s longer than they say: this one ends soon.
sub short_token { return $f->token($_[0], claims => {exp => time - 60 + $_[1]}) }

subtest 'a session ends with its token' => sub {
    local $token{alice} = short_token('alice', 3);
    my $execute = execute('alice');
    my $assigned = $execute->expect('assigned');
    my $connect = open_by_ticket('connect', $assigned);
    $connect->expect('welcome');
    my $stream = open_by_ticket('stream', $assigned);
    next_frame($stream);

    is($execute->expect_close(6), 4401, 'execute is told');
    is($connect->expect_close(3), 4401, 'connect, too');
    is($stream->expect_close(3), 4401, 'and there are no more pictures');

    $execute = execute('bob');
    $execute->expect('assigned');
    local $token{alice} = short_token('alice', 2);
    my $waiting = execute('alice');
    $waiting->expect('queued');
    is($waiting->expect_close(5), 4401, 'who waits is told as well');
    $execute->close_with(1000);
};

subtest 'a newer token keeps the session' => sub {
    my $long = $token{alice};

    for my $line (qw(execute connect)) {
        local $token{alice} = short_token('alice', 3);
        my $execute = execute('alice');
        my $connect = open_by_ticket('connect', $execute->expect('assigned'));
        $connect->expect('welcome');
        ($line eq 'execute' ? $execute : $connect)->send_json(
            {type => 'authenticate', token => $long});

        is($execute->expect_close(5), 0, "shown on $line: execute stays open");
        $connect->send_json({type => 'ping', time => 1});
        ok($connect->expect('pong'), 'and connect');
        $execute->close_with(1000);
        $connect->expect_close;
    }

    for my $line (qw(execute connect)) {
        my $execute = execute('alice');
        my $connect = open_by_ticket('connect', $execute->expect('assigned'));
        $connect->expect('welcome');
        my $socket = $line eq 'execute' ? $execute : $connect;
        $socket->send_json({type => 'authenticate', token => $token{bob}});
        is($socket->expect_close, 4401, "somebody else's token on $line");
        $execute->close_with(1000);
        $connect->expect_close;
    }
};

subtest 'a reload tells every client to come back, and they can' => sub {
    my $execute = execute('alice');
    my $assigned = $execute->expect('assigned');
    my @socket = ($execute, map { open_by_token($_, $assigned->{session}, 'alice') }
                  qw(connect stream) x 3);
    $socket[1]->expect('welcome');
    next_frame($socket[2]);

    kill 'HUP', $f->nginx_pid;
    is($_->expect_close(5), 1012, 'closed for a restart') for @socket;

    my $again = execute('alice');
    my $stream = open_by_ticket('stream', $again->expect('assigned'));
    ok(next_frame($stream), 'a picture comes again');
    $again->close_with(1000);
};

subtest 'a handshake that a leaving nginx worker still answers' => sub {
    my $late = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $f->port,
                                    SSL_verify_mode => 0);
    my @head = split /(?=Host)/, join "\r\n", 'GET /api/v1/connect HTTP/1.1',
        'Host: localhost:' . $f->port, 'Upgrade: websocket', 'Connection: Upgrade',
        'Origin: https://localhost:' . $f->port, 'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', '';

    print $late $head[0];
    sleep 1;
    kill 'HUP', $f->nginx_pid;
    sleep 1;
    print $late $head[1];
    my $answer = do { local $/; <$late> };
    like($answer, qr{^HTTP/1.1 101}, 'is answered');
    is(substr($answer, -4), "\x88\x02\x03\xf4", 'and closed with 1012 at once');
};

subtest 'who leaves while a session opens holds up nobody' => sub {
    for my $round (1 .. 6) {
        my $alice = execute('alice');
        $alice->expect('assigned');
        my $bob = execute('bob');
        $bob->expect('queued');
        $alice->close_with(1000);
        Time::HiRes::sleep(0.3 + 0.04 * $round);
        $bob->drop;
        $bob = execute('bob');
        ok($bob->expect('assigned'), "round $round");
        $bob->close_with(1000);
    }
};

subtest 'a lost render-worker ends the session, and a new one serves again' => sub {
    my $execute = execute('alice');
    my $assigned = $execute->expect('assigned');
    my $stream = open_by_ticket('stream', $assigned);
    next_frame($stream);
    $f->stop_worker('KILL');
    is($stream->expect_close(3), 4503, 'the stream is closed');
    is($execute->expect('ended')->{reason}, 'worker_lost', 'the viewer is told');
    $f->start_worker;
    my $again = execute('alice');
    ok($again->expect('assigned'), 'a session can be had again');
    $again->close_with(1000);
};

unlike($f->error_log, qr/\[(?:alert|crit|emerg)\]/, 'nothing serious in the log');
unlike($f->error_log, qr/eyJ/, 'no token in the log');

done_testing;
