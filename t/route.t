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

=== TEST 3: the contracts are served, and may be kept
--- request eval
["GET /api/v1/settings.schema.json", "GET /api/v1/messages.schema.json"]
--- error_code eval
[200, 200]
--- response_body_like eval
['"title":\s*"settings"', '"title":\s*"messages"']
--- response_headers_like eval
[("Content-Type: application/.*json.*") x 2]
--- no_error_log
[alert]
[crit]

=== TEST 4: OpenAPI names the routes
--- request
GET /api/v1/openapi.json
--- response_body_like: "openapi":\s*"3\.1.*/scans/\{
--- no_error_log
[alert]
[crit]

=== TEST 5: the issuer's keys have no private part
--- request
GET /api/v1/jwks.json
--- response_body_like: ^\{"keys":\s*\[\{(?!.*"(?:d|p|q|dp|dq|qi)":)
--- no_error_log
[alert]
[crit]

=== TEST 6: an unknown path
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

=== TEST 7: a method that a path has not
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

=== TEST 8: odd ids are not found, whatever their bytes
--- request eval
["GET /api/v1/scans/" . "A" x 26, "GET /api/v1/scans/" . "a" x 25,
 "GET /api/v1/scans/%00" . "a" x 25, "GET /api/v1/scans/" . "b" x 5000,
 "GET /api/v1/scans/" . "1" x 26]
--- more_headers eval
[("Authorization: Bearer $ENV{ALICE}") x 5]
--- error_code_like eval
[("404|400") x 5]
--- no_error_log
[alert]
[crit]

=== TEST 9: outside of the prefix the module is silent
--- request
GET /api/v2/healthz
--- error_code: 404
--- response_body_like: nginx
--- no_error_log
[alert]
[crit]

=== TEST 10: what the log says of a request has no query and no Referer
--- raw_request eval
"POST /api/v1/scans?name=Canary-Query HTTP/1.1\r\nHost: localhost\r\n"
. "Authorization: Bearer $ENV{ALICE}\r\nReferer: https://a.test/Canary-Page\r\n"
. "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n"
. "Connection: close\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"
--- error_code: 400
--- error_log
client sent invalid chunked body, client: 127.0.0.1, request: "POST /api/v1/scans"
--- no_error_log
Canary
[alert]
[crit]

=== TEST 11: what another location asks on behalf of a request is refused
--- config
    location /api/v1/ { exposure_api; }
    location = /asked { auth_request /api/v1/scans; }
--- request
GET /asked
--- more_headers eval
"Authorization: Bearer $ENV{ALICE}"
--- error_code: 500
--- error_log
auth request unexpected status: 404
--- no_error_log
[alert]
[crit]

=== TEST 12: an error's page may be one of ours
--- config
    location /api/v1/ { exposure_api; }
    location = /away { return 404; error_page 404 =200 /api/v1/healthz; }
--- request
GET /away
--- response_body_like: "status":\s*"ok"
--- no_error_log
[alert]
[crit]
