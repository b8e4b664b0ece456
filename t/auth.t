# Who may: one token that is right, and many that are not.

BEGIN { push @INC, 't/lib' }
use Exposure::Suite;
use Test::Nginx::Socket 'no_plan';

my $f = $Exposure::Suite::fixture;
my $now = time;

$ENV{EXPIRED} = $f->token('alice', claims => {exp => $now - 300, iat => $now - 900, nbf => $now - 900});
$ENV{ALG_NONE} = $f->token('alice', alg => 'none');
$ENV{ALG_HS256} = $f->token('alice', alg => 'HS256');
$ENV{NOT_YET} = $f->token('alice', claims => {nbf => $now + 3600});
$ENV{OTHER_ISSUER} = $f->token('alice', claims => {iss => 'https://elsewhere'});
$ENV{OTHER_AUDIENCE} = $f->token('alice', claims => {aud => 'another-service'});
$ENV{NO_SUBJECT} = $f->token('');
$ENV{CRITICAL} = $f->token('alice', header => {crit => ['b64']});
system("openssl genrsa -out $f->{dir}/other.pem 2048 2>/dev/null") == 0 or die;
$ENV{OTHER_KEY} = $f->token('alice', key => "$f->{dir}/other.pem");
$ENV{ACCOUNT} = $f->account_token('alice');
$ENV{GARBAGE} = 'not.a.token';
($ENV{CUT} = $ENV{ALICE}) =~ s/.$//;

add_block_preprocessor(\&Exposure::Suite::fill);
log_level('warn');
run_tests();

__DATA__

=== TEST 1: a right token
--- request
GET /api/v1/users/current
--- more_headers eval
"Authorization: Bearer $ENV{ALICE}"
--- response_body_like: "id":\s*"[a-z2-7]{26}"
--- no_error_log
[alert]
[crit]

=== TEST 2: no token
--- request
GET /api/v1/scans
--- error_code: 401
--- response_headers_like
WWW-Authenticate: Bearer.*
Content-Type: application/problem\+json.*
--- no_error_log
[alert]
[crit]

=== TEST 3: every wrong token is refused, and in the same way
--- request eval
[("GET /api/v1/scans") x 11]
--- more_headers eval
[map { "Authorization: Bearer $ENV{$_}" } qw(EXPIRED ALG_NONE ALG_HS256
    NOT_YET OTHER_ISSUER OTHER_AUDIENCE NO_SUBJECT CRITICAL OTHER_KEY CUT GARBAGE)]
--- error_code eval
[(401) x 11]
--- response_headers_like eval
[("WWW-Authenticate: Bearer.*") x 11]
--- no_error_log
[alert]
[crit]

=== TEST 4: another scheme
--- request
GET /api/v1/scans
--- more_headers
Authorization: Basic YWxpY2U6YWxpY2U=
--- error_code: 401
--- no_error_log
[alert]
[crit]

=== TEST 5: a token in the query string is none
--- request eval
"GET /api/v1/scans?access_token=$ENV{ALICE}"
--- error_code: 401
--- no_error_log
[alert]
[crit]

=== TEST 6: a token of 20 000 bytes
--- request
GET /api/v1/scans
--- more_headers eval
"Authorization: Bearer " . "a" x 20000
--- error_code_like: 400|401
--- no_error_log
[alert]
[crit]

=== TEST 7: an upload needs a token before its body
--- request
POST /api/v1/scans
--- more_headers
Content-Type: application/x-tar
Content-Length: 1000000000
--- error_code: 401
--- response_headers_like
WWW-Authenticate: Bearer.*
--- no_error_log
[alert]
[crit]

=== TEST 8: no token reaches the log
--- request
GET /api/v1/scans
--- more_headers eval
"Authorization: Bearer $ENV{EXPIRED}"
--- error_code: 401
--- no_error_log eval
[qr/\Q$ENV{EXPIRED}\E/, "Bearer", "[alert]", "[crit]"]

=== TEST 9: the token of an account renews itself
--- request
POST /api/v1/accounts/renew
--- more_headers eval
"Authorization: Bearer $ENV{ACCOUNT}"
--- response_body_like: "access_token":\s*"eyJ
--- no_error_log
[alert]
[crit]
