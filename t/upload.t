# What may be sent as a scan, and that nothing is left of what may not.

BEGIN { push @INC, 't/lib' }
use Exposure::Suite;
use Test::Nginx::Socket 'no_plan';

$ENV{AS_ALICE} = "Authorization: Bearer $ENV{ALICE}";
$ENV{SMALL_LIMIT} = "$Exposure::Suite::HTTP    exposure_max_upload 64k;\n";
$ENV{SMALL_QUOTA} = "$Exposure::Suite::HTTP    exposure_quota 64k;\n";

add_block_preprocessor(\&Exposure::Suite::fill);
log_level('warn');
no_shuffle();

# A crash between the naming of a file and its row leaves such a one; nginx
# removes it when it starts.
Exposure::Suite::stray_blob();
is(Exposure::Suite::blobs(), 1, 'a file without a row lies in the store');

run_tests();

is(Exposure::Suite::blobs(), 0,
   'refused uploads leave no blob, and the stray one is gone');

__DATA__

=== TEST 1: parts of another kind
--- request
POST /api/v1/scans
--b--
--- more_headers eval
"$ENV{AS_ALICE}\nContent-Type: multipart/mixed; boundary=b"
--- error_code: 415
--- response_headers_like
Content-Type: application/problem\+json.*
--- no_error_log
[alert]
[crit]

=== TEST 2: parts without a boundary
--- request
POST /api/v1/scans
--b--
--- more_headers eval
"$ENV{AS_ALICE}\nContent-Type: multipart/form-data"
--- error_code: 400
--- no_error_log
[alert]
[crit]

=== TEST 3: an empty body
--- request
POST /api/v1/scans
--- more_headers eval
"$ENV{AS_ALICE}\nContent-Type: application/x-tar\nContent-Length: 0"
--- error_code: 400
--- response_body_like: "detail":\s*"[A-Z]
--- no_error_log
[alert]
[crit]

=== TEST 4: neither length nor chunks
--- request
POST /api/v1/scans
--- more_headers eval
"$ENV{AS_ALICE}\nContent-Type: application/x-tar"
--- error_code_like: 400|411
--- no_error_log
[alert]
[crit]

=== TEST 5: a length over the limit is refused before the body comes
--- http_config eval
$ENV{SMALL_LIMIT}
--- raw_request eval
"POST /api/v1/scans HTTP/1.1\r\nHost: localhost\r\n$ENV{AS_ALICE}\r\n"
. "Content-Type: application/x-tar\r\nContent-Length: 65537\r\n"
. "Connection: close\r\n\r\n"
--- error_code: 413
--- no_error_log
[alert]
[crit]

=== TEST 6: chunks over the limit are refused while they come
--- http_config eval
$ENV{SMALL_LIMIT}
--- raw_request eval
"POST /api/v1/scans HTTP/1.1\r\nHost: localhost\r\n$ENV{AS_ALICE}\r\n"
. "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n"
. "Connection: close\r\n\r\n"
. ("4000\r\n" . "x" x 0x4000 . "\r\n") x 5 . "0\r\n\r\n"
--- error_code: 413
--- no_error_log
[alert]
[crit]

=== TEST 7: over the quota
--- http_config eval
$ENV{SMALL_QUOTA}
--- request eval
"POST /api/v1/scans\n" . "x" x 200_000
--- more_headers eval
"$ENV{AS_ALICE}\nContent-Type: application/x-tar"
--- error_code: 507
--- no_error_log
[alert]
[crit]

=== TEST 8: cut off half-way
--- raw_request eval
"POST /api/v1/scans HTTP/1.1\r\nHost: localhost\r\n$ENV{AS_ALICE}\r\n"
. "Content-Type: application/x-tar\r\nContent-Length: 1000000\r\n\r\n"
. "x" x 400_000
--- shutdown: 1
--- abort
--- ignore_response
--- wait: 0.2
--- no_error_log
[alert]
[crit]

=== TEST 9: cut off within a chunk
--- raw_request eval
"POST /api/v1/scans HTTP/1.1\r\nHost: localhost\r\n$ENV{AS_ALICE}\r\n"
. "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n"
. "40000\r\n" . "x" x 1000
--- shutdown: 1
--- abort
--- ignore_response
--- wait: 0.2
--- no_error_log
[alert]
[crit]

=== TEST 10: a chunk that is none
--- raw_request eval
"POST /api/v1/scans HTTP/1.1\r\nHost: localhost\r\n$ENV{AS_ALICE}\r\n"
. "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n"
. "Connection: close\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"
--- error_code: 400
--- no_error_log
[alert]
[crit]

=== TEST 11: nothing of all this is in the list
--- request
GET /api/v1/scans
--- more_headers eval
$ENV{AS_ALICE}
--- response_body_like: ^\{"scans":\s*\[\]\}$
--- no_error_log
[alert]
[crit]
