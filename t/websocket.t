# The opening handshake of the three WebSockets (RFC 6455, section 4.2).

BEGIN { push @INC, 't/lib' }
use Exposure::Suite;
use Test::Nginx::Socket 'no_plan';

$ENV{KEY} = 'dGhlIHNhbXBsZSBub25jZQ==';   # the RFC's own example
$ENV{UPGRADE} = "Host: localhost\nUpgrade: websocket\nConnection: Upgrade\n"
    . "Sec-WebSocket-Version: 13\nSec-WebSocket-Key: $ENV{KEY}";
$ENV{OWN} = "$ENV{UPGRADE}\nOrigin: http://localhost";

add_block_preprocessor(\&Exposure::Suite::fill);
log_level('warn');
run_tests();

__DATA__

=== TEST 1: accepted, and without a first message closed
--- request
GET /api/v1/connect
--- more_headers eval
$ENV{OWN}
--- timeout: 0.3
--- abort
--- error_code: 101
--- response_headers
Upgrade: websocket
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
--- no_error_log
[alert]
[crit]

=== TEST 2: the same on each of the paths
--- request eval
["GET /api/v1/stream", "GET /api/v1/scans/$ENV{UNKNOWN}/execute"]
--- more_headers eval
[($ENV{OWN}) x 2]
--- timeout: 0.3
--- abort
--- error_code eval
[101, 101]
--- no_error_log
[alert]
[crit]

=== TEST 3: another version is told the right one
--- request
GET /api/v1/connect
--- more_headers eval
(my $h = $ENV{OWN}) =~ s/Version: 13/Version: 8/; $h
--- timeout: 0.3
--- abort
--- error_code: 426
--- response_headers
Sec-WebSocket-Version: 13
--- no_error_log
[alert]
[crit]

=== TEST 4: no key, a short key, a key that is no base64
--- request eval
[("GET /api/v1/connect") x 3]
--- more_headers eval
[map { my $h = $ENV{OWN}; $h =~ s/\nSec-WebSocket-Key: .*/$_/; $h }
 "", "\nSec-WebSocket-Key: c2hvcnQ=", "\nSec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="]
--- timeout: 0.3
--- abort
--- error_code eval
[(400) x 3]
--- no_error_log
[alert]
[crit]

=== TEST 5: POST
--- request
POST /api/v1/connect
--- more_headers eval
$ENV{OWN}
--- timeout: 0.3
--- abort
--- error_code_like: 400|405
--- no_error_log
[alert]
[crit]

=== TEST 6: no origin, a page of another site, another scheme, another port
--- request eval
[("GET /api/v1/connect") x 6]
--- more_headers eval
[$ENV{UPGRADE}, map { "$ENV{UPGRADE}\nOrigin: $_" } "https://evil.example",
 "https://localhost.evil.example", "null", "https://localhost", "http://localhost:81"]
--- timeout: 0.3
--- abort
--- error_code eval
[(403) x 6]
--- no_error_log
[alert]
[crit]

=== TEST 7: HTTP/1.0
--- request
GET /api/v1/connect HTTP/1.0
--- more_headers eval
$ENV{OWN}
--- timeout: 0.3
--- abort
--- error_code_like: 400|426|505
--- no_error_log
[alert]
[crit]

=== TEST 8: an ordinary GET
--- request
GET /api/v1/connect
--- error_code_like: 400|426
--- no_error_log
[alert]
[crit]

=== TEST 9: Upgrade without Connection, and Connection without Upgrade
--- request eval
[("GET /api/v1/connect") x 2]
--- more_headers eval
[map { my $h = $ENV{OWN}; $h =~ s/$_//; $h } 'Connection: Upgrade\n', 'Upgrade: websocket\n']
--- timeout: 0.3
--- abort
--- error_code_like eval
[("400|426") x 2]
--- no_error_log
[alert]
[crit]
