# Saved settings of a scan.

BEGIN { push @INC, 't/lib' }
use Exposure::Suite;
use Test::Nginx::Socket 'no_plan';

use JSON::PP ();

$ENV{SCAN} = Exposure::Suite::ready_scan($ENV{ALICE});
$ENV{AS_ALICE} = "Authorization: Bearer $ENV{ALICE}\nContent-Type: application/json";
$ENV{AS_BOB} = "Authorization: Bearer $ENV{BOB}\nContent-Type: application/json";

# A complete settings object, from the schema's defaults where it has any.
my %settings = (
    version => 1,
    camera => {position => [0, -500, 0], target => [0, 0, 0], up => [0, 0, 1],
               fov_deg => 35, aperture_mm => 0, focus_mm => 0,
               projection => 'perspective'},
    clip => {box => {min => [-100, -100, -100], max => [100, 100, 100]},
             planes => []},
    transfer => {interpolation => 'smooth', density_scale => 1, points => [
        map { {value => $_, opacity => $_ > 0 ? 1 : 0, color => [1, 1, 1],
               specular => [0, 0, 0], roughness => 0.5,
               emission => [0, 0, 0]} } -500, 500]},
    shading => {mode => 'hybrid', g => 0, gradient_factor => 20, max_bounces => 0},
    lights => [],
    environment => {top => [1, 1, 1], middle => [1, 1, 1], bottom => [1, 1, 1],
                    intensity => 0.5},
    background => {mode => 'color', color => [0, 0, 0]},
    film => {exposure => 1, gamma => 1, tone_map => 'aces'},
    quality => {target_fps => 20, max_samples => 512},
);
my $json = JSON::PP->new->canonical;
$ENV{SETTINGS} = $json->encode(\%settings);

my $f = $Exposure::Suite::fixture;
$f->start_nginx;
my $res = $f->http('POST', "scans/$ENV{SCAN}/configurations", token => $ENV{ALICE},
                   content => {name => 'Front', settings => \%settings});
is($res->{status}, 201, 'a configuration is saved');
$ENV{CONFIGURATION} = $res->{json}{id};
is($res->{json}{revision}, 1, 'its first revision is 1');
is_deeply($res->{json}{settings}, \%settings, 'what was saved comes back');
$f->stop_nginx;

add_block_preprocessor(\&Exposure::Suite::fill);
log_level('warn');
no_shuffle();
run_tests();

__DATA__

=== TEST 1: listed
--- request eval
"GET /api/v1/scans/$ENV{SCAN}/configurations"
--- more_headers eval
$ENV{AS_ALICE}
--- response_body_like eval
qr/^\{"configurations":\s*\[\{(?=.*"id":\s*"$ENV{CONFIGURATION}")(?=.*"name":\s*"Front")(?=.*"scan":\s*"$ENV{SCAN}")/s
--- no_error_log
[alert]
[crit]

=== TEST 2: read
--- request eval
"GET /api/v1/configurations/$ENV{CONFIGURATION}"
--- more_headers eval
$ENV{AS_ALICE}
--- response_body_like: "settings":\s*\{
--- no_error_log
[alert]
[crit]

=== TEST 3: nobody else's
--- request eval
["GET /api/v1/configurations/$ENV{CONFIGURATION}", "DELETE /api/v1/configurations/$ENV{CONFIGURATION}",
 "GET /api/v1/configurations/$ENV{UNKNOWN}", "PATCH /api/v1/configurations/$ENV{CONFIGURATION}\n{\"name\":\"x\"}"]
--- more_headers eval
[($ENV{AS_BOB}) x 4]
--- error_code eval
[(404) x 4]
--- response_body eval
[($ENV{NOT_FOUND}) x 4]
--- no_error_log
[alert]
[crit]

=== TEST 4: renamed, with the revision that was seen
--- request eval
["PATCH /api/v1/configurations/$ENV{CONFIGURATION}\n{\"name\":\"Side\"}",
 "PATCH /api/v1/configurations/$ENV{CONFIGURATION}\n{\"name\":\"Back\"}"]
--- more_headers eval
[("$ENV{AS_ALICE}\nIf-Match: \"1\"") x 2]
--- error_code eval
[200, 412]
--- response_body_like eval
[q("name":\s*"Side"), q("status":\s*412)]
--- no_error_log
[alert]
[crit]

=== TEST 5: settings out of range name the place
--- request eval
(my $bad = $ENV{SETTINGS}) =~ s/"fov_deg":35/"fov_deg":500/;
["POST /api/v1/scans/$ENV{SCAN}/configurations\n{\"name\":\"bad\",\"settings\":$bad}",
 "PATCH /api/v1/configurations/$ENV{CONFIGURATION}\n{\"settings\":$bad}"]
--- more_headers eval
[($ENV{AS_ALICE}) x 2]
--- error_code_like eval
[("400|422") x 2]
--- response_body_like eval
[("fov_deg") x 2]
--- no_error_log
[alert]
[crit]

=== TEST 6: names that are none
--- request eval
[map { "POST /api/v1/scans/$ENV{SCAN}/configurations\n$_" }
 "{\"settings\":$ENV{SETTINGS}}", "{\"name\":\"\",\"settings\":$ENV{SETTINGS}}",
 "{\"name\":\"" . "n" x 201 . "\",\"settings\":$ENV{SETTINGS}}", '{"name":"a"}']
--- more_headers eval
[($ENV{AS_ALICE}) x 4]
--- error_code eval
[(400) x 4]
--- no_error_log
[alert]
[crit]

=== TEST 7: deleted
--- request eval
["DELETE /api/v1/configurations/$ENV{CONFIGURATION}",
 "GET /api/v1/configurations/$ENV{CONFIGURATION}",
 "GET /api/v1/scans/$ENV{SCAN}/configurations"]
--- more_headers eval
[($ENV{AS_ALICE}) x 3]
--- error_code eval
[204, 404, 200]
--- response_body_like eval
["^\$", "404", '"configurations":\s*\[\]']
--- no_error_log
[alert]
[crit]
