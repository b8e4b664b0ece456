# The server against api/openapi.yaml: every operation is called, and each
# answer must be one the document names, with a body that fits its schema.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use Exposure::Schema;
use JSON::PP ();
use Test::More;

my $f = Exposure::Fixture->new;
$f->start_nginx;

my $alice = $f->token('alice');
my $api = $f->http('GET', 'openapi.json')->{json};
ok($api, 'the document is JSON') or BAIL_OUT('no openapi.json');
like($api->{openapi}, qr/^3\.1/, 'of OpenAPI 3.1');

for my $name (qw(settings messages)) {
    local (@ARGV, $/) = "api/$name.schema.json";
    is_deeply($f->http('GET', "$name.schema.json")->{json}, JSON::PP::decode_json(<>),
              "$name.schema.json is the file in api/");
}

my $scan = $f->upload_phantom($alice);
my $unknown = 'a' x 26;
my $settings = default_settings();
my $configuration = $f->http('POST', "scans/$scan/configurations", token => $alice,
    content => {name => 'Front', settings => $settings})->{json}{id};
my $user = $f->http('GET', 'users/current', token => $alice)->{json}{id};
my $login = {name => 'alice', password => $f->{password}{alice}};
my %study = (type => 'multipart/related; type="application/dicom"; boundary=b');
my %tus = ('Tus-Resumable' => '1.0.0');
my %bytes = (content => 'hello', type => 'application/offset+octet-stream');
my ($upload) = $f->http('POST', 'uploads', token => $alice, headers => {%tus, 'Upload-Length' => 1000})
    ->{headers}{location} =~ m{([^/]+)$};
my $bob = $f->token('bob');
my $bobs = $f->http('GET', 'users/current', token => $bob)->{json}{id};
my $shared = $f->http('POST', "scans/$scan/invitations", token => $alice,
                      content => {role => 'viewer', label => 'Bob'})->{json};
my $unused = $f->http('POST', "scans/$scan/invitations", token => $alice,
                      content => {role => 'editor'})->{json}{id};
my $account = $f->account_token('alice');
chomp(my $invitation = Exposure::Fixture::command($f->admin, 'user', 'invite', '--data',
    "$f->{dir}/store", '--keys', "$f->{dir}/keys"));
my ($json, $tar) = ('application/json', 'application/x-tar');

# operation, path as called, options, status expected. In this order.
my @calls = (
    ['get /healthz', 'healthz', {}, 200],
    ['get /readyz', 'readyz', {}, 200],
    ['get /openapi.json', 'openapi.json', {}, 200],
    ['get /settings.schema.json', 'settings.schema.json', {}, 200],
    ['get /messages.schema.json', 'messages.schema.json', {}, 200],
    ['get /jwks.json', 'jwks.json', {}, 200],
    ['get /providers', 'providers', {}, 200],
    ['post /accounts/login', 'accounts/login', {content => $login}, 200],
    ['post /accounts/login', 'accounts/login', {content => {%$login, password => 'wrong wrong wrong'}}, 401],
    ['post /accounts/login', 'accounts/login', {content => 'x', type => 'text/plain'}, 415],
    ['post /accounts/login', 'accounts/login', {content => '{'}, 400],
    ['post /accounts/renew', 'accounts/renew', {token => $f->account_token('alice')}, 200],
    ['post /accounts/renew', 'accounts/renew', {}, 401],
    ['post /accounts/enrol', 'accounts/enrol', {content => {secret => $invitation, name => 'carol', password => 'a password of hers'}}, 201],
    ['post /accounts/recover', 'accounts/recover', {content => {name => 'carol', code => 'x', password => 'short'}}, 400],
    ['post /accounts/recovery', 'accounts/recovery', {token => $account, content => {password => $f->{password}{alice}}}, 200],
    ['post /accounts/password', 'accounts/password', {token => $account, content => {old => $f->{password}{alice}, password => 'a new password'}}, 200],
    ['post /accounts/password', 'accounts/password', {token => $account, content => {}}, 400],
    ['get /users/current', 'users/current', {token => $alice}, 200],
    ['get /users/current', 'users/current', {}, 401],
    ['get /users/current/audit', 'users/current/audit', {token => $alice}, 200],
    ['get /users/{id}', "users/$user", {token => $alice}, 200],
    ['get /users/{id}', "users/$unknown", {token => $alice}, 404],
    ['get /scans', 'scans', {token => $alice}, 200],
    ['get /scans', 'scans', {}, 401],
    ['post /scans', 'scans', {token => $alice, content => '', type => $tar}, 400],
    ['post /scans', 'scans', {token => $alice, content => 'x', type => 'multipart/mixed; boundary=b'}, 415],
    ['post /scans', 'scans', {token => $alice, content => 'x', type => 'multipart/form-data; boundary=b'}, 400],
    ['post /scans', 'scans', {token => $alice, content => $f->phantom_tar, type => $tar}, 201],
    ['post /dicomweb/studies', 'dicomweb/studies', {token => $alice, %study, content => "--b\r\n\r\nx\r\n--b--"}, 409],
    ['post /dicomweb/studies', 'dicomweb/studies', {token => $alice, %study, content => 'x'}, 400],
    ['post /dicomweb/studies', 'dicomweb/studies', {token => $alice, %study, content => 'x', headers => {Accept => 'text/html'}}, 406],
    ['options /uploads', 'uploads', {}, 204],
    ['post /uploads', 'uploads', {token => $alice, headers => {%tus, 'Upload-Length' => 1000}}, 201],
    ['post /uploads', 'uploads', {token => $alice}, 412],
    ['post /uploads', 'uploads', {token => $alice, headers => \%tus}, 400],
    ['options /uploads/{id}', "uploads/$upload", {}, 204],
    ['head /uploads/{id}', "uploads/$upload", {token => $alice, headers => \%tus}, 200],
    ['head /uploads/{id}', "uploads/$unknown", {token => $alice, headers => \%tus}, 404],
    ['patch /uploads/{id}', "uploads/$upload", {token => $alice, headers => {%tus, 'Upload-Offset' => 0}, %bytes}, 204],
    ['patch /uploads/{id}', "uploads/$upload", {token => $alice, headers => {%tus, 'Upload-Offset' => 0}, %bytes}, 409],
    ['patch /uploads/{id}', "uploads/$upload", {token => $alice, headers => {%tus, 'Upload-Offset' => 5,
                                                'Upload-Checksum' => 'sha1 ' . 'A' x 27 . '='}, %bytes}, 460],
    ['delete /uploads/{id}', "uploads/$upload", {token => $alice, headers => \%tus}, 204],
    ['get /scans/{id}', "scans/$scan", {token => $alice}, 200],
    ['get /scans/{id}', "scans/$unknown", {token => $alice}, 404],
    ['patch /scans/{id}', "scans/$scan", {token => $alice, content => {title => 'Knee'}}, 200],
    ['patch /scans/{id}', "scans/$scan", {token => $alice, content => {title => 5}}, 400],
    ['get /scans/{id}/thumbnail', "scans/$scan/thumbnail", {token => $alice}, 200],
    ['get /scans/{id}/export', "scans/$scan/export?format=nrrd&gzip=true", {token => $alice}, 200],
    ['get /scans/{id}/export', "scans/$scan/export?gzip=1", {token => $alice}, 400],
    ['get /users/current/export', 'users/current/export', {token => $alice}, 200],
    ['get /scans/{id}/configurations', "scans/$scan/configurations", {token => $alice}, 200],
    ['post /scans/{id}/configurations', "scans/$scan/configurations",
     {token => $alice, content => {name => 'Side', settings => $settings}}, 201],
    ['post /scans/{id}/configurations', "scans/$scan/configurations", {token => $alice, content => {}}, 400],
    ['get /configurations/{id}', "configurations/$configuration", {token => $alice}, 200],
    ['get /configurations/{id}', "configurations/$unknown", {token => $alice}, 404],
    ['patch /configurations/{id}', "configurations/$configuration", {token => $alice, content => {name => 'Top'}}, 200],
    ['patch /configurations/{id}', "configurations/$configuration",
     {token => $alice, content => {name => 'Top'}, headers => {'If-Match' => '"99"'}}, 412],
    ['delete /configurations/{id}', "configurations/$configuration", {token => $alice}, 204],
    ['post /scans/{id}/invitations', "scans/$scan/invitations",
     {token => $alice, content => {role => 'viewer', access_expires => '2100-01-01T00:00:00Z'}}, 201],
    ['post /scans/{id}/invitations', "scans/$scan/invitations", {token => $alice, content => {role => 'owner'}}, 400],
    ['get /scans/{id}/invitations', "scans/$scan/invitations", {token => $alice}, 200],
    ['get /scans/{id}/invitations', "scans/$scan/invitations", {token => $bob}, 404],
    ['delete /invitations/{id}', "invitations/$unused", {token => $alice}, 204],
    ['delete /invitations/{id}', "invitations/$unused", {token => $alice}, 404],
    ['post /invitations/redeem', 'invitations/redeem', {token => $bob, content => {id => $unused, secret => 'x'}}, 404],
    ['post /invitations/redeem', 'invitations/redeem', {token => $bob, content => {id => $unused}}, 400],
    ['post /invitations/redeem', 'invitations/redeem',
     {token => $alice, content => {id => $shared->{id}, secret => $shared->{secret}}}, 409],
    ['post /invitations/redeem', 'invitations/redeem',
     {token => $bob, content => {id => $shared->{id}, secret => $shared->{secret}}}, 200],
    ['get /scans', 'scans', {token => $bob}, 200],
    ['get /scans/{id}/permissions', "scans/$scan/permissions", {token => $alice}, 200],
    ['get /scans/{id}/permissions', "scans/$scan/permissions", {token => $bob}, 403],
    ['patch /scans/{id}/permissions/{user}', "scans/$scan/permissions/$bobs",
     {token => $alice, content => {role => 'editor', expires => '2100-01-01T00:00:00Z'}}, 200],
    ['patch /scans/{id}/permissions/{user}', "scans/$scan/permissions/$bobs",
     {token => $alice, content => {expires => '1999-01-01T00:00:00Z'}}, 400],
    ['patch /scans/{id}/permissions/{user}', "scans/$scan/permissions/$unknown",
     {token => $alice, content => {role => 'viewer'}}, 404],
    ['get /scans', 'scans', {token => $bob}, 200],
    ['delete /scans/{id}/permissions/{user}', "scans/$scan/permissions/$unknown?rotate=true", {token => $alice}, 404],
    ['delete /scans/{id}/permissions/current', "scans/$scan/permissions/current", {token => $alice}, 403],
    ['delete /scans/{id}/permissions/current', "scans/$scan/permissions/current", {token => $bob}, 204],
    ['get /scans/{id}/audit', "scans/$scan/audit", {token => $alice}, 200],
    ['get /scans/{id}/audit', "scans/$unknown/audit", {token => $alice}, 404],
    ['delete /scans/{id}', "scans/$scan", {token => $alice}, 204],
    ['delete /scans/{id}', "scans/$scan", {token => $alice}, 404],
    ['post /users/current/identity', 'users/current/identity', {token => $bob, content => {}}, 400],
    ['post /users/current/identity', 'users/current/identity', {token => $bob, content => {token => 'a.b.c'}}, 403],
    ['post /users/current/identity', 'users/current/identity', {token => $bob, content => {token => $bob}}, 409],
    ['post /users/current/identity', 'users/current/identity', {token => $bob, content => {token => $alice}}, 204],
    ['delete /users/current', 'users/current', {token => $bob, content => {}}, 400],
    ['delete /users/current', 'users/current', {token => $bob, content => {confirm => JSON::PP::true()}}, 204],
);

my %called;
for my $call (@calls) {
    my ($operation, $path, $options, $status) = @$call;
    my ($method, $template) = split / /, $operation;
    my $described = described($method, $template);
    my $res = $f->http(uc $method, $path, %$options);
    $res->{head} = $method eq q(head);

    $called{$operation} = 1;
    is($res->{status}, $status, "$operation answers $status");
    ok($described, "$operation is described") or next;
    my $answer = follow($described->{responses}{$res->{status}}
                        || $described->{responses}{default});
    ok($answer, "$operation: $res->{status} is among its answers") or next;
    is_deeply([body_wrong($answer, $res)], [], "$operation: the body of $res->{status} fits");
}

for my $path (sort keys %{$api->{paths}}) {
    (my $short = $path) =~ s{^/api/v1}{};
    for my $method (grep { /^(?:get|head|options|post|put|patch|delete)$/ } sort keys %{$api->{paths}{$path}}) {
        my $socket = $short =~ m{^/(?:connect|stream|scans/\{id\}/execute)$};
        ok($socket || $called{"$method $short"}, "$method $short is tested");
    }
}

# Both ways: what is in ngx_exposure_routes.h and what the document says of it.
my %routes = routes();
for my $path (sort keys %{$api->{paths}}) {
    for my $method (grep { /^(?:get|head|options|post|put|patch|delete)$/ } sort keys %{$api->{paths}{$path}}) {
        my $operation = $api->{paths}{$path}{$method};
        my $route = delete $routes{"$method $path"};
        ok($route, "$method $path is a route") or next;
        is($operation->{'x-exposure-rule'}, $route->{rule}, "$method $path: who may is as in the table");
        is(exists $operation->{security} && !@{$operation->{security}} ? 'no token' : 'token',
           $route->{rule} eq 'public' || $route->{kind} eq 'SOCKET' ? 'no token' : 'token',
           "$method $path: whether it takes a token is described");
        is($route->{rule} =~ /^(?:scan|configuration|upload|invitation|self)/ ? 'a rule' : 'none',
           $path =~ /\{id\}/ && $route->{rule} ne 'public' ? 'a rule' : 'none', "$method $path: {id} has a rule");
    }
}
is_deeply([sort keys %routes], [], 'every route is described');

done_testing;

sub routes {
    open my $in, '<', 'ngx_exposure_module/ngx_exposure_routes.h' or die $!;
    local $/;
    my ($text, %found) = <$in>;
    $text =~ s{/\*.*?\*/}{}gs;
    while ($text =~ /ROUTE\(\s*(\w+),\s*"([^"]+)",\s*(\w+),\s*(\w+),/g) {
        my ($method, $path, $rule, $kind) = (lc $1, $2, lc $3, $4);
        $rule =~ tr/_/-/;
        $found{"$method $path"} = {rule => $rule, kind => $kind};
    }
    return %found;
}

sub described {
    my ($method, $template) = @_;
    my ($path) = grep { my $p = $_; $p =~ s{^/api/v1}{}; $p eq $template } keys %{$api->{paths}};
    return $path && $api->{paths}{$path}{$method};
}

sub follow {
    my ($node) = @_;
    return $node && $node->{'$ref'} ? Exposure::Schema::lookup($api, $node->{'$ref'}) : $node;
}

sub body_wrong {
    my ($answer, $res) = @_;
    my $content = $answer->{content};
    my $length = length $res->{content};

    return $length ? "a body of $length bytes is not described" : () if !$content;
    return () if $res->{head};
    (my $type = $res->{headers}{'content-type'} || '') =~ s/\s*;.*//;
    my $media = $content->{$type} or return "content type $type is not described";
    return () if !$media->{schema} || $type !~ /json/;
    return 'no JSON' unless $res->{json};
    return Exposure::Schema::check($api, $media->{schema}, $res->{json});
}

# What a new session of this scan starts with.
sub default_settings {
    require Exposure::WebSocket;
    my $execute = Exposure::WebSocket->new(port => $f->port, tls => 1,
                                           path => "/api/v1/scans/$scan/execute");
    $execute->send_json({type => 'authenticate', token => $alice});
    my $session = $execute->expect('assigned')->{session};
    my $connect = Exposure::WebSocket->new(port => $f->port, tls => 1,
                                           path => '/api/v1/connect');
    $connect->send_json({type => 'authenticate', token => $alice, session => $session});
    my $welcome = $connect->expect('welcome');
    $execute->close_with(1000);
    return $welcome->{settings};
}
