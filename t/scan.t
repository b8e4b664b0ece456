# A user's scans, and that nobody else's are there.

BEGIN { push @INC, 't/lib' }
use Exposure::Suite;
use Test::Nginx::Socket 'no_plan';

$ENV{SCAN} = Exposure::Suite::ready_scan($ENV{ALICE});
$ENV{AS_ALICE} = "Authorization: Bearer $ENV{ALICE}";
$ENV{AS_BOB} = "Authorization: Bearer $ENV{BOB}";

add_block_preprocessor(\&Exposure::Suite::fill);
log_level('warn');
no_shuffle();
run_tests();

is(Exposure::Suite::blobs(), 0, 'a deleted scan leaves no blob');

__DATA__

=== TEST 1: it is in its owner's list
--- request
GET /api/v1/scans
--- more_headers eval
$ENV{AS_ALICE}
--- response_body_like eval
qr/^\{"scans":\s*\[\{.*"id":\s*"$ENV{SCAN}".*\}\]\}$/s
--- response_headers
Cache-Control: no-store
--- no_error_log
[alert]
[crit]

=== TEST 2: and in nobody else's
--- request
GET /api/v1/scans
--- more_headers eval
$ENV{AS_BOB}
--- response_body_like: ^\{"scans":\s*\[\]\}$
--- no_error_log
[alert]
[crit]

=== TEST 3: what is known of it
--- request eval
"GET /api/v1/scans/$ENV{SCAN}"
--- more_headers eval
$ENV{AS_ALICE}
--- response_body_like: ^\{(?=.*"state":\s*"ready")(?=.*"role":\s*"owner")(?=.*"created":\s*"\d{4}-\d\d-\d\d")(?=.*"dims":\s*\[)(?=.*"modality":\s*"CT")(?=.*"unit":\s*"HU")
--- no_error_log
[alert]
[crit]

=== TEST 4: its thumbnail is a PNG
--- request eval
"GET /api/v1/scans/$ENV{SCAN}/thumbnail"
--- more_headers eval
$ENV{AS_ALICE}
--- response_headers
Content-Type: image/png
Cache-Control: no-store
--- response_body_like eval
qr/^\x89PNG\r\n\x1a\n/
--- no_error_log
[alert]
[crit]

=== TEST 5: to another user it answers the same bytes as what does not exist
--- request eval
["GET /api/v1/scans/$ENV{SCAN}", "GET /api/v1/scans/$ENV{UNKNOWN}",
 "GET /api/v1/scans/$ENV{SCAN}/thumbnail", "GET /api/v1/scans/$ENV{SCAN}/configurations",
 "DELETE /api/v1/scans/$ENV{SCAN}",
 "PATCH /api/v1/scans/$ENV{SCAN}\n{\"title\":\"mine\"}",
 "POST /api/v1/scans/$ENV{SCAN}/configurations\n{\"name\":\"a\",\"settings\":{}}"]
--- more_headers eval
[($ENV{AS_BOB}) x 5, ("$ENV{AS_BOB}\nContent-Type: application/json") x 2]
--- error_code eval
[(404) x 7]
--- response_body eval
[($ENV{NOT_FOUND}) x 7]
--- no_error_log
[alert]
[crit]

=== TEST 6: its title
--- request eval
["PATCH /api/v1/scans/$ENV{SCAN}\n{\"title\":\"Knee, left \\u00e9\"}",
 "GET /api/v1/scans/$ENV{SCAN}"]
--- more_headers eval
["$ENV{AS_ALICE}\nContent-Type: application/json", $ENV{AS_ALICE}]
--- error_code eval
[200, 200]
--- response_body_like eval
[("\"title\":\\s*\"Knee, left (?:\xc3\xa9|\\\\u00[eE]9)\"") x 2]
--- no_error_log
[alert]
[crit]

=== TEST 7: a title that is none
--- request eval
[map { "PATCH /api/v1/scans/$ENV{SCAN}\n$_" } '{"title":5}', '{}',
 '{"title":"' . "x" x 201 . '"}', '{"title":"a\u0000b"}', '[1', '{"title":"a"} x']
--- more_headers eval
[("$ENV{AS_ALICE}\nContent-Type: application/json") x 6]
--- error_code eval
[(400) x 6]
--- no_error_log
[alert]
[crit]

=== TEST 8: neither title nor names stand in the log or on the disk
--- request eval
["PATCH /api/v1/scans/$ENV{SCAN}\n{\"title\":\"Zebrafinch Quux\"}",
 "GET /api/v1/scans/$ENV{SCAN}"]
--- more_headers eval
["$ENV{AS_ALICE}\nContent-Type: application/json", $ENV{AS_ALICE}]
--- error_code eval
[200, 200]
--- response_body_like eval
["Zebrafinch Quux",
 system("grep -rqa Zebrafinch $Exposure::Suite::fixture->{dir}/store") == 256
     ? "Zebrafinch Quux" : "the title is on the disk"]
--- no_error_log
Zebrafinch
[alert]
[crit]

=== TEST 9: deleted, it is gone
--- request eval
["DELETE /api/v1/scans/$ENV{SCAN}", "GET /api/v1/scans/$ENV{SCAN}",
 "DELETE /api/v1/scans/$ENV{SCAN}", "GET /api/v1/scans"]
--- more_headers eval
[($ENV{AS_ALICE}) x 4]
--- error_code eval
[204, 404, 404, 200]
--- response_body_like eval
["^\$", "404", "404", '"scans":\s*\[\]']
--- wait: 0.3
--- no_error_log
[alert]
[crit]
