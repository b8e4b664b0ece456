# scripts/run, started and stopped: who may read and write what it makes.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use File::Find ();
use File::Temp ();
use Test::More;

plan skip_all => 'the portal is not built' if !-d 'portal/dist';
plan skip_all => 'scripts/run takes what lies in build/'
    if ($ENV{EXPOSURE_BUILD} || 'build') ne 'build';

my $tmp = File::Temp->newdir('exposure-XXXXXX', TMPDIR => 1);
my $data = "$tmp/data";
my @run = ('scripts/run', '--data', $data);

my $port = Exposure::Fixture::free_port();

chmod 0755, "$tmp" or die $!;
END { system(@run, '--stop') if $data && -e "$data/run/nginx.pid" }

like(Exposure::Fixture::command(@run, '--detach', '--no-build', '--no-demo',
                                '--port', $port),
     qr/runs at https/, 'starts');

# Names below the folder, of what fits.
sub those {
    my ($fits) = @_;
    my @found;

    File::Find::find({no_chdir => 1, wanted => sub {
        my @stat = lstat or return;
        push @found, substr $_, length "$data/" if $_ ne $data && $fits->(@stat);
    }}, $data);
    return join ' ', sort @found;
}

my %secret = map { $_ => 1 } qw(keys store);

is(those(sub { (my $top = $_) =~ s{^\Q$data\E/([^/]+).*}{$1}s;
               $secret{$top} && $_ eq "$data/$top" && $_[2] & 077 }), '',
   'keys and store are closed to others');
is(those(sub { !-l && $_[2] & 002 && !-S _ }), '', 'nobody else writes anywhere');

SKIP: {
    skip 'only root has another user run the service', 2 if $>;
    my $uid = getpwnam 'exposure';
    unlike(those(sub { $_[4] == $uid }), qr{(?:^| )(?:run|app|log|keys)(?: |$)},
           'the service owns no folder that root reads or writes in');
    ok(!((stat "$data/log")[2] & 007), 'logs are not for everybody');
}

Exposure::Fixture::command(@run, '--stop');
ok(!-e "$data/run/nginx.pid", 'stops');

done_testing();
