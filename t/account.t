# Signing in with a built-in account.

BEGIN { push @INC, 't/lib' }
use Exposure::Suite;
use Test::Nginx::Socket 'no_plan';

add_block_preprocessor(\&Exposure::Suite::fill);
log_level('warn');
run_tests();

__DATA__

=== TEST 1: name and password
--- request
POST /api/v1/accounts/login
{"name":"alice","password":"correct horse battery"}
--- more_headers
Content-Type: application/json
--- response_body_like: ^\{(?=.*"access_token":\s*"eyJ[^"]+\.[^"]+\.[^"]+")(?=.*"token_type":\s*"Bearer")(?=.*"expires_in":\s*\d+)
--- response_headers
Cache-Control: no-store
--- no_error_log
[alert]
[crit]

=== TEST 2: a wrong password and an unknown name answer alike
--- request eval
["POST /api/v1/accounts/login\n{\"name\":\"alice\",\"password\":\"wrong wrong wrong\"}",
 "POST /api/v1/accounts/login\n{\"name\":\"nobody\",\"password\":\"wrong wrong wrong\"}"]
--- more_headers
Content-Type: application/json
--- error_code eval
[401, 401]
--- response_body_like eval
[q("code":\s*"), q("code":\s*")]
--- no_error_log
[alert]
[crit]
alice
nobody

=== TEST 3: the sixth try within a minute waits, even with the right password
--- request eval
[(map { "POST /api/v1/accounts/login\n{\"name\":\"bob\",\"password\":\"wrong number $_ \"}" } 1 .. 5),
 "POST /api/v1/accounts/login\n{\"name\":\"bob\",\"password\":\"staple and ladder\"}"]
--- more_headers
Content-Type: application/json
--- error_code eval
[(401) x 5, 429]
--- response_headers_like eval
[("Content-Type: application/problem.*") x 5, 'Retry-After: \d+']
--- timeout: 10
--- no_error_log
[alert]
[crit]

=== TEST 4: not JSON
--- request
POST /api/v1/accounts/login
name=alice
--- more_headers
Content-Type: application/json
--- error_code: 400
--- no_error_log
[alert]
[crit]

=== TEST 5: another content type
--- request
POST /api/v1/accounts/login
{"name":"alice","password":"correct horse battery"}
--- more_headers
Content-Type: text/plain
--- error_code: 415
--- no_error_log
[alert]
[crit]

=== TEST 6: members missing, of the wrong type, or twice
--- request eval
["POST /api/v1/accounts/login\n{\"name\":\"alice\"}",
 "POST /api/v1/accounts/login\n{\"name\":1,\"password\":[]}",
 "POST /api/v1/accounts/login\n{\"name\":\"alice\",\"name\":\"bob\",\"password\":\"correct horse battery\"}",
 "POST /api/v1/accounts/login\n[]"]
--- more_headers
Content-Type: application/json
--- error_code_like eval
[("400|401") x 4]
--- no_error_log
[alert]
[crit]

=== TEST 7: a body of a megabyte
--- request eval
"POST /api/v1/accounts/login\n{\"name\":\"" . "a" x 1_000_000 . "\"}"
--- more_headers
Content-Type: application/json
--- error_code: 413
--- no_error_log
[alert]
[crit]

=== TEST 8: the user behind a token, and nobody else
--- request eval
["GET /api/v1/users/current", "GET /api/v1/users/$ENV{UNKNOWN}"]
--- more_headers eval
[("Authorization: Bearer $ENV{ALICE}") x 2]
--- error_code eval
[200, 404]
--- response_body_like eval
[q("used_bytes":\s*0.*"quota_bytes":\s*\d+|"quota_bytes":\s*\d+.*"used_bytes":\s*0), q("status":\s*404)]
--- no_error_log
[alert]
[crit]
