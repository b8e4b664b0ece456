# Which paths and methods there are, and what all answers share.

BEGIN { push @INC, 't/lib' }
use Exposure::Suite;
use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(\&Exposure::Suite::fill);
log_level('warn');
run_tests();

__DATA__

=== TEST 1: alive without a token
--- request
GET /api/v1/healthz
--- response_body_like: "status":\s*"ok"
--- response_headers_like
Content-Type: application/json.*
Cache-Control: no-store
--- no_error_log
[alert]
[crit]
[error]

=== TEST 2: ready with a store and a worker
--- wait: 0
--- request eval
["GET /api/v1/healthz", "GET /api/v1/readyz"]
--- error_code_like eval
["200", "200|503"]
--- response_body_like eval
["status", "status"]
--- no_error_log
[alert]
[crit]

=== TEST 3: the settings' contract is served as it lies in api/
--- request
GET /api/v1/settings.schema.json
--- response_body eval
do { local (@ARGV, $/) = 'api/settings.schema.json'; <> }
--- response_headers_like
Content-Type: application/.*json.*
--- no_error_log
[alert]
[crit]

=== TEST 4: so is the messages'
--- request
GET /api/v1/messages.schema.json
--- response_body eval
do { local (@ARGV, $/) = 'api/messages.schema.json'; <> }
--- no_error_log
[alert]
[crit]

=== TEST 5: OpenAPI names the routes
--- request
GET /api/v1/openapi.json
--- response_body_like: "openapi":\s*"3\.1.*/scans/\{
--- no_error_log
[alert]
[crit]

=== TEST 6: the issuer's keys have no private part
--- request
GET /api/v1/jwks.json
--- response_body_like: ^\{"keys":\s*\[\{(?!.*"(?:d|p|q|dp|dq|qi)":)
--- no_error_log
[alert]
[crit]

=== TEST 7: an unknown path
--- request
GET /api/v1/nothing/here
--- more_headers eval
"Authorization: Bearer $ENV{ALICE}"
--- error_code: 404
--- response_headers_like
Content-Type: application/problem\+json.*
--- response_body_like: "type":\s*"about:blank".*"status":\s*404.*"code":
--- no_error_log
[alert]
[crit]

=== TEST 8: a method that a path has not
--- request
PUT /api/v1/scans
--- more_headers eval
"Authorization: Bearer $ENV{ALICE}"
--- error_code: 405
--- response_headers_like
Content-Type: application/problem\+json.*
Allow: .*POST.*
--- no_error_log
[alert]
[crit]

=== TEST 9: odd ids are not found, whatever their bytes
--- request eval
["GET /api/v1/scans/" . "A" x 26, "GET /api/v1/scans/" . "a" x 25,
 "GET /api/v1/scans/%00" . "a" x 25, "GET /api/v1/scans/..%2fscans",
 "GET /api/v1/scans/" . "1" x 26]
--- more_headers eval
[("Authorization: Bearer $ENV{ALICE}") x 5]
--- error_code_like eval
[("404|400") x 5]
--- no_error_log
[alert]
[crit]

=== TEST 10: outside of the prefix the module is silent
--- request
GET /api/v2/healthz
--- error_code: 404
--- response_body_like: nginx
--- no_error_log
[alert]
[crit]
