# Other issuers: their keys come from a location or a file, change, and go
# missing in every way (an identity provider of the test's own says what).

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use IO::Socket::INET;
use JSON::PP ();
use Test::More;
use Time::HiRes ();

my $AUDIENCE = 'https://scans.test/api';
my @FAULTS = qw(none slow error garbage huge redirect empty private cut);

my $issuer = sub { return "https://$_[0].idp.test/" };
my $f = Exposure::Fixture->new(vault => [
    map { ('--trust', $issuer->($_) . " $AUDIENCE nginx") } @FAULTS, 'file']);
my ($dir, %key, %set);

mkdir($dir = "$f->{dir}/idp") or die $!;
for my $kid (qw(k1 k2 other)) {
    $key{$kid} = "$dir/$kid.pem";
    Exposure::Fixture::command('sh', '-c',
        "exec openssl genrsa -out '$key{$kid}' 2048 2>/dev/null");
    my ($hex) = Exposure::Fixture::command('openssl', 'rsa', '-in', $key{$kid},
        '-noout', '-modulus') =~ /Modulus=([0-9A-F]+)/;
    $set{$kid} = {kty => 'RSA', use => 'sig', kid => $kid, e => 'AQAB',
                  n => Exposure::Fixture::base64url(pack 'H*', $hex)};
}

# --- the provider: /NAME answers as the file mode.NAME says ---------------------------

sub put {
    my ($file, $text) = @_;

    open my $out, '>', "$file.new" or die $!;
    print $out $text;
    close $out or die $!;
    rename "$file.new", $file or die $!;
}

sub keys_text { return JSON::PP::encode_json({keys => [map { $set{$_} } @_]}) }

sub answer {
    my ($name) = @_;
    my $mode = do { local (@ARGV, $/) = "$dir/mode.$name"; <> };
    my $good = sub { return "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" . $_[0] };

    sleep 30 if $mode eq 'slow';
    return "HTTP/1.0 500 Oh\r\n\r\n{}" if $mode eq 'error';
    return $good->("\0\1<html>no keys") if $mode eq 'garbage';
    return $good->(keys_text('k2') . ' ' x 10_000_000) if $mode eq 'huge';
    return "HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:$main::port/canary\r\n\r\n"
        if $mode eq 'redirect';
    return $good->('') if $mode eq 'empty';
    return $good->('{"keys":[]}') if $mode eq 'private';
    return $good->(substr keys_text('k2'), 0, 200) if $mode eq 'cut';
    return $good->(keys_text(split / /, $mode));
}

our $port;
my $provider;

sub start_provider {
    my $listen = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1',
                                       LocalPort => $port || 0, ReuseAddr => 1)
        or die $!;
    $port = $listen->sockport;
    $provider = fork;
    die $! unless defined $provider;
    return if $provider;

    setpgrp;
    $SIG{$_} = 'DEFAULT' for qw(TERM INT HUP);
    $SIG{CHLD} = 'IGNORE';
    while (my $c = $listen->accept) {
        next if fork;
        my ($name) = (<$c> || '') =~ m{^GET /(\w+)};
        1 while (<$c> || '') =~ /\S/;
        Exposure::Fixture::append("$dir/seen.$name", '.');
        print $c answer($name);
        close $c;
        POSIX::_exit(0);
    }
    POSIX::_exit(0);
}

sub stop_provider {
    kill 'KILL', -$provider;
    waitpid $provider, 0;
}

sub seen { return -s "$dir/seen.$_[0]" || 0 }

# --- nginx with an issuer for each fault, and one whose keys lie in a file --------------

require POSIX;
put("$dir/mode.$_", 'k1') for @FAULTS, 'late';
start_provider();
put("$dir/file.json", keys_text('k1'));

my $location = sub {
    return "location = /idp/$_[0] { internal; proxy_pass http://127.0.0.1:$port/$_[0]; }\n";
};
my $http = join '', map {
    sprintf "exposure_oidc %s audience=%s jwks=location:/idp/%s client_id=portal \"name=The %s house\";\n",
        $issuer->($_), $AUDIENCE, $_, $_ } @FAULTS;
$http .= sprintf "exposure_oidc %s audience=%s jwks=%s;\n", $issuer->('file'),
    $AUDIENCE, "$dir/file.json";
$f->start_nginx(http => $http, server => join '', map { $location->($_) } @FAULTS);

END {
    my $status = $?;
    stop_provider() if $provider && $$ == $f->{owner};
    $? = $status;
}

sub token {
    my ($name, $kid, %arg) = @_;
    return $f->token('somebody', key => $key{$arg{key} || $kid},
                     header => {kid => $kid, %{$arg{header} || {}}},
                     claims => {iss => $issuer->($name), aud => $AUDIENCE,
                                %{$arg{claims} || {}}});
}

sub status {
    return $f->http('GET', 'users/current', token => $_[0])->{status};
}

# Of `tries` requests, which any nginx worker may get: each status once.
sub statuses {
    my ($token, $tries) = @_;
    my %seen = map { status($token) => 1 } 1 .. $tries || 8;
    return join ' ', sort keys %seen;
}

# The seconds until it is answered in this one way.
sub until_status {
    my ($token, $want, $limit) = @_;
    my $began = Time::HiRes::time();

    while (Time::HiRes::time() - $began < $limit) {
        return Time::HiRes::time() - $began if statuses($token) eq $want;
        Time::HiRes::sleep(0.1);
    }
    return;
}

my %k1 = map { $_ => token($_, 'k1') } @FAULTS, 'file';

ok(defined until_status($k1{$_}, '200', 5), "keys of $_ are there soon after the start")
    for sort keys %k1;
is(statuses($f->account_token('alice')), '200', 'built-in accounts are there beside them');

my $providers = $f->http('GET', 'providers')->{json};
ok($providers->{accounts}, 'the portal is told of accounts');
is_deeply($providers->{providers}[0],
          {name => 'The none house', issuer => $issuer->('none'),
           audience => $AUDIENCE, client_id => 'portal', scope => 'openid'},
          'and of providers');
is(scalar @{$providers->{providers}}, scalar @FAULTS,
   'but not of one that has no client for it');
is(HTTP::Tiny->new(verify_SSL => 0)->get('https://127.0.0.1:' . $f->port . '/idp/none')->{status},
   404, 'nobody else gets at an internal location');

# --- nobody speaks for another -----------------------------------------------------------

is(status(token('none', 'k1', key => 'k2')), 401, 'another key under a known name');
is(status(token('file', 'k1', claims => {iss => $Exposure::Fixture::ISSUER,
                                         aud => $Exposure::Fixture::AUDIENCE})),
   401, 'the built-in issuer by a provider\'s key');
is(status($f->token('somebody', claims => {iss => $issuer->('none'), aud => $AUDIENCE})),
   401, 'a provider by the built-in issuer\'s key');
is(status(token('none', 'k1', claims => {aud => $Exposure::Fixture::AUDIENCE})), 401,
   'the built-in audience');
is(status(token('strange', 'k1')), 401, 'an issuer that is not configured');

my $id = sub { return $f->http('GET', 'users/current', token => $_[0])->{json}{id} };
isnt($id->($k1{none}), $id->($k1{slow}), 'one subject of two issuers is two users');

# --- a key is replaced -----------------------------------------------------------------------

my %before = map { $_ => seen($_) } @FAULTS;
is(join(' ', map { $before{$_} } @FAULTS), join(' ', (1) x @FAULTS),
   'one fetch each, over all nginx workers');

put("$dir/mode.none", 'k2');
put("$dir/mode.$_", $_) for grep { $_ ne 'none' } @FAULTS;
my $k2 = token('none', 'k2', header => {jku => "http://127.0.0.1:$port/canary"});
like(status($k2), qr/^(200|503)$/, 'a new key is asked for');

my $began = Time::HiRes::time();
is(status($k1{file}), 200, 'nobody waits for a slow provider');
cmp_ok(Time::HiRes::time() - $began, '<', 1, 'not even a second');

my $took = until_status($k2, '200', 60);
ok(defined $took && $took < 10, 'the new key counts in every nginx worker');
# A worker that took no connection meanwhile may be a moment behind.
ok(defined until_status($k1{none}, '401', 10), 'and the old one no more');

# --- every fault ---------------------------------------------------------------------------

Time::HiRes::sleep(0.2) until $f->error_log =~ /new keys of \S*slow\S*: no answer in time/
    || Time::HiRes::time() - $began > 15;
for my $fault (grep { $_ ne 'none' } @FAULTS) {
    like($f->error_log, qr/no new keys of https:..$fault\.idp\.test.: /, "$fault: the log says so");
    is(statuses($k1{$fault}), '200', "$fault: known keys go on");
}
is(statuses(token('none', 'other'), 40), '401', 'tokens by nobody\'s key are refused');
is(seen('canary'), 0, 'no redirect is followed, no jku fetched');
is(join(' ', map { seen($_) } @FAULTS), join(' ', (2) x @FAULTS),
   'each was asked once more, whatever was sent');

# --- nginx starts anew -----------------------------------------------------------------------

stop_provider();
kill 'HUP', $f->nginx_pid;
Time::HiRes::sleep(1);
is(statuses($k2), '200', 'a reload keeps what was fetched, with the provider down');
is(statuses($k1{slow}), '200', 'and what could not be fetched again');

# --- a file ------------------------------------------------------------------------------------

put("$dir/file.json", keys_text('k1', 'other'));
ok(defined until_status(token('file', 'other'), '200', 15), 'a changed file is read');
put("$dir/file.json", keys_text('other'));
ok(defined until_status($k1{file}, '401', 15), 'and a removed key counts no more');
put("$dir/file.json", '{"keys":');
Time::HiRes::sleep(6);
is(statuses(token('file', 'other')), '200', 'a broken file changes nothing');
like($f->error_log, qr/no new keys of \S+file\S+: This is no JSON Web Key Set/, 'but is told of');
put("$dir/file.json", keys_text('k1', 'other'));
chmod 0666, "$dir/file.json";
Time::HiRes::sleep(6);
is(statuses($k1{file}), '401', 'nor one that others may write');

unlike($f->error_log, qr/\[(alert|crit|emerg)\]/, 'nothing alarming in the log');

# --- no provider from the start ------------------------------------------------------------------

chmod 0644, "$dir/file.json";
$f->stop_nginx;
$f->start_nginx(http => $http, server => join '', map { $location->($_) } @FAULTS);
is(statuses($f->account_token('alice')), '200', 'accounts need no provider');
like(statuses($k1{none}), qr/^(401|401 503)$/, 'whose own tokens wait for it');
start_provider();
put("$dir/mode.$_", 'k1') for @FAULTS;

done_testing();
