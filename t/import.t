# What becomes of uploads that are no scan: each fails with a sentence for the
# person, and nothing of it stays in the store.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use Test::More;

my $f = Exposure::Fixture->new;
my $token = $f->token('alice');
my $dicom = $f->dir . '/dicom';

$f->start_nginx;
$f->phantom_tar;
my @slices = sort glob "$dicom/*";
@slices = sort glob "$dicom/*/*" if -d $slices[0];

sub tar_of {
    my (%file) = @_;
    my $dir = $f->dir . '/odd';

    system 'rm', '-rf', $dir;
    mkdir $dir or die $!;
    for my $name (keys %file) {
        open my $out, '>', "$dir/$name" or die $!;
        print $out $file{$name};
        close $out;
    }
    return Exposure::Fixture::command('tar', '-C', $dir, '--format=ustar', '-cf', '-', '.');
}

sub bytes_of {
    my ($path) = @_;
    open my $in, '<:raw', $path or die $!;
    local $/;
    return scalar <$in>;
}

# Uploads and waits for the end of the import; the scan as the API tells it.
sub outcome {
    my ($tar) = @_;
    my $res = $f->http('POST', 'scans', token => $token, content => $tar,
                       type => 'application/x-tar');
    return {state => "HTTP $res->{status}", failure => $res->{json}}
        if $res->{status} != 201;
    my $scan;
    Exposure::Fixture::wait_for(sub {
        $scan = $f->http('GET', "scans/$res->{json}{id}", token => $token)->{json};
        return $scan->{state} ne 'importing';
    }, 'the import to end');
    return $scan;
}

sub blobs {
    my $dir = $f->dir . '/store/blobs';
    return scalar grep { -f } glob("$dir/*"), glob("$dir/*/*");
}

my $whole = bytes_of($slices[0]);
my %cases = (
    'a folder without DICOM' => tar_of('readme.md' => 'hello', 'a.jpg' => "\xff\xd8\xff"),
    'a text file named .dcm' => tar_of('slice.dcm' => "This is not a scan.\n" x 100),
    'one slice' => tar_of('one.dcm' => $whole),
    'a truncated file' => tar_of('cut.dcm' => substr $whole, 0, 400),
    'no tar at all' => 'x' x 5000,
    'a tar cut off' => substr($f->phantom_tar, 0, 700),
);

for my $what (sort keys %cases) {
    my $scan = outcome($cases{$what});
    is($scan->{state}, 'failed', "$what: failed");
    like($scan->{failure}{detail} || '', qr/^[A-Z].*\.$/s, "$what: with a sentence");
    like($scan->{failure}{code} || '', qr/^[a-z_]+$/, "$what: and a code");
    is(blobs(), 0, "$what: no blob stays");
    is($f->http('DELETE', "scans/$scan->{id}", token => $token)->{status}, 204,
       "$what: can be deleted");
}

subtest 'a truncated slice among whole ones is left out and said so' => sub {
    my %files = map { ("$_.dcm" => bytes_of($slices[$_])) } 0 .. $#slices;
    my $middle = int @slices / 2;
    $files{"$middle.dcm"} = substr $files{"$middle.dcm"}, 0, 600;
    my $scan = outcome(tar_of(%files));
    is($scan->{state}, 'ready', 'the rest is a scan');
    ok(@{$scan->{warnings} || []} > 0, 'with a warning');
};

subtest 'files that are no DICOM lie beside a scan' => sub {
    my %files = map { ("$_.dcm" => bytes_of($slices[$_])) } 0 .. $#slices;
    my $scan = outcome(tar_of(%files, 'README.TXT' => 'hello', 'DICOMDIR' => 'x' x 300));
    is($scan->{state}, 'ready', 'they are passed over');
    is($scan->{volume}{dims}[2], scalar @slices, 'every slice is there');
};

unlike($f->error_log, qr/\[(?:alert|crit|emerg)\]/, 'nothing serious in the log');

done_testing;
