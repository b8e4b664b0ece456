package Exposure::Suite;

# What every suite of t/ that is made of Test::Nginx blocks shares: a fixture,
# the module, the configuration of a block that brings none, and tokens in the
# environment, where the blocks' eval filters find them. Loaded before
# Test::Nginx::Socket, which reads its environment when it is loaded:
#
#   BEGIN { push @INC, 't/lib' }     # at the end: a real Test::Nginx comes first
#   use Exposure::Suite;
#   use Test::Nginx::Socket 'no_plan';
#   add_block_preprocessor(\&Exposure::Suite::fill);

use strict;
use warnings;

use Cwd ();
use Exposure::Fixture;

our $fixture = Exposure::Fixture->new;

my $dir = $fixture->dir;
my $build = Cwd::abs_path($ENV{EXPOSURE_BUILD} || 'build');

our $MAIN = "thread_pool exposure threads=4 max_queue=64;\n";

our $HTTP = <<"_EOC_";
    exposure_zone        exposure 4m;
    exposure_store       $dir/store;
    exposure_vault       unix:$dir/run/vault.sock;
    exposure_accounts    on;
    exposure_issuer      $Exposure::Fixture::ISSUER;
    exposure_audience    $Exposure::Fixture::AUDIENCE;
    exposure_worker      unix:$dir/run/worker.sock;
_EOC_

our $SERVER = "    location /api/v1/ { exposure_api; }\n";

$ENV{TEST_NGINX_LOAD_MODULES} = "$build/ngx_exposure_module.so";
# A real Test::Nginx takes one fixed port otherwise; suites may run side by side.
$ENV{TEST_NGINX_PORT} ||= Exposure::Fixture::free_port();
$ENV{TEST_NGINX_SERVROOT} ||= "$dir/servroot";
delete $ENV{TEST_NGINX_LOG_LEVEL};

$ENV{ALICE} = $fixture->token('alice');
$ENV{BOB} = $fixture->token('bob');
$ENV{UNKNOWN} = 'a' x 26;

sub fill {
    my ($block) = @_;

    $block->set_value(main_config => $MAIN) unless defined $block->main_config;
    $block->set_value(http_config => $HTTP) unless defined $block->http_config;
    $block->set_value(config => $SERVER) unless defined $block->config;
}

# A ready scan of a user, made through a whole nginx that is gone afterwards.
# Also puts into NOT_FOUND the bytes that answer for what is not there.
sub ready_scan {
    my ($token) = @_;

    $fixture->start_nginx;
    my $id = $fixture->upload_phantom($token);
    $ENV{NOT_FOUND} = $fixture->http('GET', "scans/$ENV{UNKNOWN}",
                                     token => $token)->{content};
    $fixture->stop_nginx;
    return $id;
}

# Files of blobs in the store, whether a row knows them or not.
sub blobs {
    return scalar grep { -f } glob("$dir/store/blobs/*"),
        glob("$dir/store/blobs/*/*");
}

# Puts a file into the store that no row knows.
sub stray_blob {
    open my $file, '>', "$dir/store/blobs/" . 'a' x 26 or die "stray blob: $!";
    print $file 'x' x 4096;
    close $file;
}

1;
