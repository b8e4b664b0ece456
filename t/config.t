# What nginx -t refuses, with one line that says why: the shipped configuration
# with one thing wrong at a time.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use File::Temp ();
use Test::More;

my $f = Exposure::Fixture->new;
my $keys = "$f->{dir}/keys";
my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';

Exposure::Fixture::make_certificate($keys);
chomp(my $conf = Exposure::Fixture::command(
    'scripts/configure', '--data', $f->dir, '--app', "$f->{dir}/app",
    '--port', Exposure::Fixture::free_port(), '--address', '127.0.0.1',
    $> == 0 ? ('--user', 'root') : ()));
my $include = "$f->{dir}/run/conf/exposure.conf";
my $shipped = do { local (@ARGV, $/) = $include; <> };

# What nginx -t says of the include after this change, '' when it is content.
sub refusal {
    my ($change) = @_;
    local $_ = $shipped;

    $change->();
    open my $out, '>', $include or die $!;
    print $out $_;
    close $out or die $!;
    my $said = `$nginx -t -q -p '$f->{dir}/run/' -e stderr -c '$conf' 2>&1`;
    return '' if $? == 0;
    my @lines = grep { !/the configuration file .* test failed/
                       && !/^nginx: configuration file/ } split /\n/, $said;
    return @lines == 1 ? $lines[0] : "more than one line: $said";
}

is(refusal(sub { }), '', 'the shipped configuration is accepted');

# --- the vault, which need not be there --------------------------------------------

$f->stop_vault;
is(refusal(sub { }), '', 'the shipped configuration without a vault');
like(refusal(sub { s{^(exposure_vault +).*}{$1$keys/vault.sock;}m }),
     qr/unix:/, 'a vault that is no socket');
like(refusal(sub { s{^(exposure_vault +).*}{$1unix:run/vault.sock;}m }),
     qr/unix:/, 'a relative path');
like(refusal(sub { s{^(exposure_vault +).*}{$1unix:/${\('x' x 200)};}m }),
     qr/unix:/, 'a path that is too long for a socket');
like(refusal(sub { s{^exposure_vault .*}{$&\n$&}m }), qr/duplicate/, 'two vaults');
like(refusal(sub { s{^(exposure_store +).*}{$1$f->{dir}/store/..;}m }),
     qr/absolute path/, 'a path that ends in ..');

my $oidc = 'exposure_oidc https://a.test/ audience=api';
my $jwks = sub { s{^exposure_accounts.*}{$oidc jwks=$keys/jwks.json;}m };
is(refusal($jwks), '', 'the keys of another issuer');
is(refusal(sub { $jwks->(); s/^exposure_(issuer|audience) .*\n//mg }), '',
   'which needs no issuer of its own');
chmod 0666, "$keys/jwks.json";
like(refusal($jwks), qr/may be written by others/,
     'keys of an issuer that anyone may change');
chmod 0644, "$keys/jwks.json";
like(refusal(sub { $jwks->(); s/jwks\.json/tls.pem/ }), qr/no JSON Web Key Set/,
     'keys that are none');

# --- values ------------------------------------------------------------------------

for ([zone => 'exposure_zone'], [store => 'exposure_store'],
     [vault => 'exposure_vault'], [issuer => 'exposure_issuer'],
     [audience => 'exposure_audience'], [accounts => 'exposure_accounts'])
{
    my ($name, $needed) = @$_;
    like(refusal(sub { s/^exposure_$name .*\n//m }), qr/needs .*$needed/,
         "no exposure_$name");
}

for (['exposure_max_upload 0', qr/above 0/], ['exposure_quota -1', qr/invalid value/],
     ['exposure_zone x 4k', qr/at least 1m/],
     ['exposure_token_lifetime 10s', qr/from 1m to 1d/],
     ['exposure_token_lifetime 2d', qr/from 1m to 1d/],
     ['exposure_upload_expires 0', qr/from 1s to 30d/],
     ['exposure_upload_expires 31d', qr/from 1s to 30d/],
     ['exposure_worker 127.0.0.1:80', qr/render-worker/],
     ['exposure_worker unix:run/x', qr/render-worker/],
     ['exposure_issuer https://$host', qr/variables/],
     ['exposure_audience ""', qr/empty/],
     ['exposure_origin *', qr/origin/],
     ['exposure_origin https://a.test/x', qr/origin/],
     ['exposure_oidc https://a.test/', qr/number of arguments/],
     ["$oidc client_id=x", qr/needs audience= and one jwks=/],
     ['exposure_oidc https://a.test/ jwks=location:/k', qr/needs audience=/],
     ["$oidc jwks=location:/k jwks=$keys/jwks.json", qr/one jwks=/],
     ["$oidc jwks=location:/k audience=b", qr/duplicate parameter/],
     ["$oidc jwks=location:k", qr/location's path/],
     ["$oidc \"jwks=location:/k x\"", qr/location's path/],
     ["$oidc jwks=keys.json", qr/absolute path/],
     ["$oidc jwks=$keys/none.json", qr/cannot open/],
     ["$oidc jwks=https://a.test/keys", qr/absolute path/],
     ["$oidc jwks=location:/k secret=x", qr/invalid parameter/],
     ["$oidc jwks=location:/k client_id=", qr/invalid parameter/],
     ["$oidc jwks=location:/k client_id=\$host", qr/variables/],
     ['exposure_oidc a.test audience=api jwks=location:/k', qr/https:/],
     ['exposure_oidc https:/// audience=api jwks=location:/k', qr/https:/],
     ['exposure_oidc https://a.test/?x audience=api jwks=location:/k', qr/https:/],
     ["\"exposure_oidc\" \"https://a.test/;script-src *\" audience=api jwks=location:/k",
      qr/https:/],
     ["$oidc jwks=location:/k; $oidc jwks=location:/l", qr/there twice/],
     ['exposure_oidc https://exposure-render.local audience=api jwks=location:/k',
      qr/there twice/],
     ['exposure_accounts maybe', qr/invalid value/],
     ['exposure_thread_pool none', qr/thread pool/])
{
    my ($line, $why) = @$_;
    my ($name) = split ' ', $line;
    like(refusal(sub { s/^$name .*\n//mg; $_ = "$line;\n$_" }), $why, $line);
}

like(refusal(sub { s/exposure_api;/$& client_body_in_file_only on;/ }),
     qr/client_body_in_file_only/, 'bodies in files');
like(refusal(sub { s/(error_log .*) warn;/$1 debug;/ }), qr/debug log/,
     'a debug log');
is(refusal(sub { s/(error_log .*) warn;/$1 debug;/; $_ = "exposure_allow_debug_log on;\n$_" }),
   '', 'but when it is wanted');

unlink "$f->{dir}/run/nginx.pid";   # nginx -t leaves an empty one
done_testing();
