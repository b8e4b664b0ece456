# Who may what: every operation of api/openapi.yaml, asked for by everybody, of
# their own things, of others', of ones that nobody has, and of ids that are
# none. What is expected follows from the rule; an operation that has no line
# in %asked fails. Others' things and ones that nobody has are refused with the
# same bytes.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use Exposure::WebSocket;
use IO::Socket::SSL;
use JSON::PP ();
use MIME::Base64 ();
use Test::More;

my $f = Exposure::Fixture->new(slots => 1);
my @accounts = qw(owner editor viewer stranger disabled guest);
for my $name (@accounts) {
    $f->{password}{$name} = "the password of $name";
    $f->add_user($name);
}
$f->start_nginx;

my $api = $f->http('GET', 'openapi.json')->{json} or BAIL_OUT('no openapi.json');

# --- who asks --------------------------------------------------------------------

my %token = map { $_ => $f->account_token($_) } @accounts;
my $sub = claims($token{owner})->{sub};
$token{expired} = $f->token($sub, claims => {iat => time - 7200, nbf => time - 7200, exp => time - 3600});
$token{audience} = $f->token($sub, claims => {aud => 'another-service'});
$token{anonymous} = undef;

my %user = map { $_ => $f->http('GET', 'users/current', token => $token{$_})->{json}{id} } @accounts;
Exposure::Fixture::command($f->admin, 'user', 'disable', 'disabled',
                           '--data', $f->dir . '/store', '--keys', $f->dir . '/keys');

my @signed_in = qw(owner editor viewer stranger);
my @unknown = qw(anonymous expired audience);
my %rank = (owner => 3, editor => 2, viewer => 1, stranger => 0);
my %needs = (owner => 3, editor => 2, viewer => 1);

# --- what is asked for -------------------------------------------------------------

my $scan = $f->upload_phantom($token{owner});
my $random = 'b' x 25 . 'a';
my @malformed = ('a' x 25, 'a' x 27, 'A' x 26, '0' x 26, 'a' x 25 . '!', 'x' x 3000, '%ff' x 26,
                 "'%20OR%201=1--", '%7Bid%7D', "$scan/x", "$scan%0d%0aX:%201", "../$scan", '.', '%00');

share($_, $_) for qw(editor viewer);

# The things of the owner that are there all the time, by the segment before.
my %standing = (scans => $scan, configurations => configuration('owner'), uploads => upload('owner'),
                users => $user{owner}, invitations => invitation('viewer')->{id});

my %tus = ('Tus-Resumable' => '1.0.0');
my $body = {name => 'Front', settings => settings()};

# What a request has besides its path, and the answer to who may, or in `but` to
# one of them. fresh: who may gets a new thing each time, as it will not be the
# same afterwards; again: puts back what was done away with.
my %asked = (
    'post /accounts/login' => {content => '{', good => 400},
    'post /accounts/enrol' => {content => '{', good => 400},
    'post /accounts/recover' => {content => '{', good => 400},
    'post /accounts/password' => {content => '{', good => 400, but => {disabled => 400}},
    'post /accounts/recovery' => {content => '{', good => 400, but => {disabled => 400}},
    'post /accounts/renew' => {good => 200},
    'get /jwks.json' => {good => 200},
    'get /providers' => {good => 200},
    'get /users/current' => {good => 200},
    'get /users/current/audit' => {good => 200},
    'get /users/current/export' => {good => 200},
    'post /users/current/identity' => {content => '{}', good => 400, but => {disabled => 400}},
    'delete /users/current' => {content => '{}', good => 400, but => {disabled => 400}},
    'get /users/{id}' => {good => 200},
    'get /scans' => {good => 200},
    'post /scans' => {content => 'no scan', type => 'application/x-tar', good => 201},
    'get /scans/{id}' => {good => 200},
    'patch /scans/{id}' => {content => '{"title":"Knee"}', good => 200},
    'delete /scans/{id}' => {good => 204, fresh => \&new_scan},
    'get /scans/{id}/thumbnail' => {good => 200},
    'get /scans/{id}/audit' => {good => 200},
    'get /scans/{id}/export' => {good => 200},
    'options /uploads' => {good => 204},
    'post /uploads' => {headers => {%tus, 'Upload-Length' => 1000}, good => 201},
    'options /uploads/{id}' => {good => 204},
    'head /uploads/{id}' => {headers => \%tus, good => 200},
    'patch /uploads/{id}' => {headers => {%tus, 'Upload-Offset' => 0}, content => 'hello',
                              type => 'application/offset+octet-stream', good => 204, fresh => \&upload},
    'delete /uploads/{id}' => {headers => \%tus, good => 204, fresh => \&upload},
    'post /dicomweb/studies' => {content => "--b\r\n\r\nx\r\n--b--", good => 409,
                                 type => 'multipart/related; type="application/dicom"; boundary=b'},
    'get /scans/{id}/configurations' => {good => 200},
    'post /scans/{id}/configurations' => {content => JSON::PP::encode_json($body), good => 201},
    'get /configurations/{id}' => {good => 200},
    'patch /configurations/{id}' => {content => '{"name":"Top"}', good => 200},
    'delete /configurations/{id}' => {good => 204, fresh => \&configuration},
    'get /scans/{id}/permissions' => {good => 200},
    'patch /scans/{id}/permissions/{user}' => {content => '{"role":"viewer"}', user => 'viewer', good => 200},
    'delete /scans/{id}/permissions/{user}' => {user => 'guest', good => 204,
                                                fresh => sub { share('guest', 'viewer'); $scan }},
    'delete /scans/{id}/permissions/current' => {good => 204, but => {owner => 403}, fresh => sub { $scan },
                                                 again => sub { share($_[0], $_[0]) }},
    'get /scans/{id}/invitations' => {good => 200},
    'post /scans/{id}/invitations' => {content => '{"role":"viewer"}', good => 201},
    'delete /invitations/{id}' => {good => 204, fresh => sub { invitation('viewer')->{id} }},
    'post /invitations/redeem' => {content => '{}', good => 400, but => {disabled => 400}},
    'get /scans/{id}/execute' => {good => 426},
    'get /connect' => {good => 426},
    'get /stream' => {good => 426},
    'get /healthz' => {good => 200},
    'get /readyz' => {good => 200},
    'get /openapi.json' => {good => 200},
    'get /settings.schema.json' => {good => 200},
    'get /messages.schema.json' => {good => 200},
);

for my $operation (operations()) {
    my $how = $asked{$operation};
    ok($how, "$operation: what is expected is known") or next;
    subtest($operation => sub { matrix($operation, $how) });
}

is_deeply([grep { my $o = $_; !grep { $_ eq $o } operations() } sort keys %asked], [], 'nothing else is asked for');

# --- WebSockets: the same rules, with the first message --------------------------------

subtest('WebSockets' => sub {
    for my $who (qw(stranger disabled)) {
        is(refused_execute($who, $scan), 4404, "execute: $who has no such scan");
        is(refused_execute($who, $random), 4404, "execute: nor one that nobody has");
    }
    for my $who (qw(expired audience)) {
        is(refused_execute($who, $scan), 4401, "execute: $who");
    }

    for my $who (qw(viewer editor)) {
        my $execute = socket_of("scans/$scan/execute", $token{$who});
        ok($execute->expect('assigned'), "execute: $who");
        $execute->close_with(1000);
    }

    my $execute = socket_of("scans/$scan/execute", $token{owner});
    my $session = $execute->expect('assigned')->{session};
    for my $path (qw(connect stream)) {
        for my $who (qw(stranger viewer disabled)) {
            is(refused_viewer($path, $who, $session), 4404, "$path: $who has no such session");
            is(refused_viewer($path, $who, $random), 4404, "$path: nor one that nobody has");
        }
        is(refused_viewer($path, $_, $session), 4401, "$path: $_") for qw(expired audience);
    }
    ok(socket_of('connect', $token{owner}, $session)->expect('welcome'), 'connect: the owner');
    $execute->close_with(1000);
});

done_testing;

# --- the matrix ------------------------------------------------------------------------

sub matrix {
    my ($operation, $how) = @_;
    my ($method, $path) = split / /, $operation;
    my $described = $api->{paths}{$path}{$method};
    my $rule = $described->{'x-exposure-rule'};
    my $socket = $how->{good} == 426;
    my $open = $rule eq 'public' || $socket;
    my ($kind) = $path =~ m{^/(\w+)/\{id\}};
    my @ids = $kind ? ($standing{$kind}, $random) : ('');

    for my $id (@ids) {
        my $real = !$kind || $id ne $random;
        for my $who (@unknown, 'disabled', @signed_in) {
            my $expected = expected($rule, $how, $who, $real, $open);
            next if $expected == $how->{good} && $how->{fresh};
            my $res = ask($method, $path, $id, $who, $how);
            is($res->{status}, $expected, "$who " . ($kind ? $real ? 'real' : 'random' : ''));
            is($res->{head}{'cache-control'}, 'no-store', "$who: kept by nobody") if $expected >= 400;
        }
    }

    # HEAD is GET without a body
    if ($method eq 'get' && !$socket) {
        is(ask('head', $path, $ids[0], 'anonymous', $how)->{status}, $open ? $how->{good} : 401, 'HEAD, anonymous');
    }
    return if !$kind;

    if (!$open) {
        my $real = ask($method, $path, $standing{$kind}, 'stranger', $how);
        my $none = ask($method, $path, $random, 'stranger', $how);
        is($real->{bytes}, $none->{bytes}, 'what is not yours answers like what does not exist');

        for my $id (@malformed) {
            my $expected = $id eq '%00' ? 400 : 404;
            my $status = ask($method, $path, $id, 'owner', $how)->{status};
            ok($status == $expected || $status == 405, 'an id that is none: ' . substr($id, 0, 30))
                or diag($status);
        }
    }

    if (my $fresh = $how->{fresh}) {
        for my $who (grep { expected($rule, $how, $_, 1, $open) == $how->{good} } @signed_in) {
            is(ask($method, $path, $fresh->('owner'), $who, $how)->{status}, $how->{good}, "$who, at last");
            $how->{again}->($who) if $how->{again};
        }
    }
}

sub expected {
    my ($rule, $how, $who, $real, $open) = @_;

    return $how->{but}{$who} if $real && $how->{but}{$who};
    return $how->{good} if $open;
    return 401 if grep { $who eq $_ } @unknown;
    return 403 if $who eq 'disabled';
    return $how->{good} if $rule eq 'signed-in';
    return 404 if !$real;
    return $who eq 'owner' ? $how->{good} : 404 if $rule eq 'self' || $rule eq 'upload-owner';

    my ($role) = $rule =~ /-(owner|editor|viewer)$/ or die "no expectation for the rule $rule";
    return $rank{$who} >= $needs{$role} ? $how->{good} : $rank{$who} ? 403 : 404;
}

sub operations {
    return map { my $path = $_; map { "$_ $path" } grep { /^(?:get|head|options|post|put|patch|delete)$/ }
                 sort keys %{$api->{paths}{$path}} } sort keys %{$api->{paths}};
}

# {status, head, bytes: all but what differs from one answer to the next}. Who is
# told to come again when there is time does so: that is no answer yet.
sub ask {
    my $res;
    for (1 .. 5) {
        $res = ask_once(@_);
        last if !$res->{head}{'retry-after'} || $res->{status} != 503;
        sleep $res->{head}{'retry-after'};
    }
    return $res;
}

sub ask_once {
    my ($method, $path, $id, $who, $how) = @_;
    my %headers = (Host => 'localhost', Connection => 'close', %{$how->{headers} || {}});

    $path =~ s/\{id\}/$id/;
    $path =~ s/\{user\}/$user{$how->{user}}/ if $how->{user};
    $headers{Authorization} = "Bearer $token{$who}" if defined $token{$who};
    if (defined $how->{content}) {
        $headers{'Content-Type'} = $how->{type} || 'application/json';
        $headers{'Content-Length'} = length $how->{content};
    }
    my $request = join "\r\n", uc($method) . " /api/v1$path HTTP/1.1",
        (map { "$_: $headers{$_}" } sort keys %headers), '', defined $how->{content} ? $how->{content} : '';

    my $sock = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $f->port, SSL_verify_mode => 0,
                                    Timeout => 30) or die "no connection: $!";
    print $sock $request;
    local $/;
    my $bytes = <$sock>;
    $bytes =~ s/^((?:Date|Trace-Id): )[^\r]*/$1-/gm;
    my %head = map { /^([^:]+): (.*)/ ? (lc $1, $2) : () } split /\r\n/, ($bytes =~ /^(.*?)\r\n\r\n/s)[0];
    return {status => $bytes =~ m{^HTTP/1\.1 (\d+)} ? $1 : 0, head => \%head, bytes => $bytes};
}

# --- things ------------------------------------------------------------------------------

sub claims {
    my ($payload) = $_[0] =~ /\.([^.]+)\./;
    $payload =~ tr{-_}{+/};
    return JSON::PP::decode_json(MIME::Base64::decode_base64($payload));
}

sub new_scan {
    my ($who) = @_;
    return $f->http('POST', 'scans', token => $token{$who}, content => 'no scan', type => 'application/x-tar')
        ->{json}{id};
}

sub upload {
    my ($who) = @_;
    my ($id) = $f->http('POST', 'uploads', token => $token{$who},
                        headers => {'Tus-Resumable' => '1.0.0', 'Upload-Length' => 1000})
        ->{headers}{location} =~ m{([^/]+)$};
    return $id;
}

sub configuration {
    my ($who) = @_;
    return $f->http('POST', "scans/$scan/configurations", token => $token{$who},
                    content => {name => 'Front', settings => settings()})->{json}{id};
}

sub invitation {
    my ($role) = @_;
    return $f->http('POST', "scans/$scan/invitations", token => $token{owner}, content => {role => $role})->{json};
}

sub share {
    my ($who, $role) = @_;
    my $invitation = invitation($role);
    my $res = $f->http('POST', 'invitations/redeem', token => $token{$who},
                       content => {id => $invitation->{id}, secret => $invitation->{secret}});
    die "redeem: $res->{status} $res->{content}\n" if $res->{status} != 200;
}

# What a new session of the scan starts with.
sub settings {
    return our $settings ||= do {
        my $execute = socket_of("scans/$scan/execute", $token{owner});
        my $session = $execute->expect('assigned')->{session};
        my $welcome = socket_of('connect', $token{owner}, $session)->expect('welcome');
        $execute->close_with(1000);
        $welcome->{settings};
    };
}

sub socket_of {
    my ($path, $token, $session) = @_;
    my $socket = Exposure::WebSocket->new(port => $f->port, tls => 1, path => "/api/v1/$path");
    $socket->send_json({type => 'authenticate', token => $token, $session ? (session => $session) : ()});
    return $socket;
}

sub refused_execute {
    my ($who, $id) = @_;
    return socket_of("scans/$id/execute", $token{$who})->expect_close;
}

sub refused_viewer {
    my ($path, $who, $id) = @_;
    return socket_of($path, $token{$who}, $id)->expect_close;
}
