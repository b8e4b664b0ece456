#!/usr/bin/perl
# exposure-render from the outside: formats that agree, films, what it refuses.

use strict;
use warnings;
use Compress::Zlib qw(compress memGzip);
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);
use Test::More;

my $build = abs_path($ENV{EXPOSURE_BUILD} || 'build');
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die;

sub spew {
    my ($name, $bytes) = @_;
    open my $f, '>:raw', $name or die "$name: $!";
    print $f $bytes;
    close $f;
    return $name;
}

sub slurp {
    open my $f, '<:raw', $_[0] or return '';
    local $/;
    return scalar(<$f>) // '';
}

# (exit code, standard output, standard error)
sub run {
    my $rc = system "$build/$_[0] >out.txt 2>err.txt </dev/null";
    return ($rc & 127 ? 128 + ($rc & 127) : $rc >> 8, slurp('out.txt'),
        slurp('err.txt'));
}

sub render { return run("exposure-render --size 48x32 --samples 2 $_[0]"); }

sub leftovers { return grep { /^made/ } glob '*'; }

is((run('exposure-demo phantom --out scan --size 32 --slices 16'))[0], 0,
    'a phantom is made');
is((run('exposure-import scan --out scan.nrrd'))[0], 0, 'and imported');
system "$build/exposure-import scan --out - >scan.volume 2>err.txt";

# --- one volume in every format ------------------------------------------

my ($header, $raw) = split /\n\n/, slurp('scan.nrrd'), 2;
my ($size) = $header =~ /^sizes: (.*)$/m;
my @size = split ' ', $size;
my @step = $header =~ /^space directions: \((.*?),.*?\) \(.*?,(.*?),.*?\) \(.*,(.*?)\)$/m;
my @origin = $header =~ /^space origin: \((.*),(.*),(.*)\)$/m;
my @values = unpack 's<*', $raw;

sub nrrd {
    my ($type, $endian, $encoding, $more) = @_;
    (my $h = $header) =~ s/^type: .*/type: $type/m;
    $h =~ s/^endian: .*/endian: $endian/m;
    $h =~ s/^encoding: .*/encoding: $encoding/m;
    return "$h$more\n\n";
}

sub metaimage {
    my ($type, $big, $compressed, $file) = @_;
    return <<"    END" =~ s/^ +//gmr;
        ObjectType = Image
        NDims = 3
        BinaryData = True
        BinaryDataByteOrderMSB = $big
        CompressedData = $compressed
        TransformMatrix = 1 0 0 0 1 0 0 0 1
        Offset = @origin
        ElementSpacing = @step
        DimSize = @size
        Modality = MET_MOD_CT
        ElementType = $type
        ElementDataFile = $file
    END
}

# RAS, by the sform.
sub nifti1 {
    my ($order, $datatype, $magic) = @_;
    my $p = sub { pack "$_[0]$order", @_[1 .. $#_] };
    my $h = "\0" x 352;
    substr $h, 0, 4, $p->('l', 348);
    substr $h, 40, 16, pack "(s$order)*", 3, @size, 1, 1, 1, 1;
    substr $h, 70, 2, $p->('s', $datatype);
    substr $h, 76, 32, pack "(f$order)*", 1, @step, 1, 1, 1, 1;
    substr $h, 108, 4, $p->('f', 352);
    substr $h, 123, 1, chr 2;
    substr $h, 254, 2, $p->('s', 1);
    substr $h, 280, 48, pack "(f$order)*", -$step[0], 0, 0, -$origin[0], 0,
        -$step[1], 0, -$origin[1], 0, 0, $step[2], $origin[2];
    substr $h, 344, 4, $magic;
    return $h;
}

my $floats = pack 'f<*', @values;
my $swapped = pack 's>*', @values;

spew('two.raw', "lead\n$raw");
spew('pair.img', ("\0" x 352) . $raw);
my @formats = (
    'scan', 'scan.nrrd', 'scan.volume',
    spew('big.nrrd', nrrd('short', 'big', 'raw', '') . $swapped),
    spew('float.nrrd', nrrd('float', 'little', 'raw', '') . $floats),
    spew('gzip.nrrd', nrrd('short', 'little', 'gzip', '') . memGzip($raw)),
    spew('two.nhdr',
        nrrd('short', 'little', 'raw', "\nline skip: 1\ndata file: two.raw")),
    spew('raw.mha', metaimage('MET_SHORT', 'False', 'False', 'LOCAL') . $raw),
    spew('big.mha', metaimage('MET_SHORT', 'True', 'False', 'LOCAL') . $swapped),
    spew('deflated.mha',
        metaimage('MET_FLOAT', 'False', 'True', 'LOCAL') . compress($floats)),
    spew('two.mhd', metaimage('MET_SHORT', 'False', 'False', 'plain.raw')),
    spew('one.nii', nifti1('<', 4, "n+1\0") . $raw),
    spew('big.nii', nifti1('>', 4, "n+1\0") . $swapped),
    spew('one.nii.gz', memGzip(nifti1('<', 16, "n+1\0") . $floats)),
    spew('pair.hdr', nifti1('<', 4, "ni1\0")),
);
spew('plain.raw', $raw);

my $first;
for my $file (@formats) {
    my ($rc, $out, $err) = render("--volume $file --modality CT --out made.pfm");
    my $picture = slurp('made.pfm');
    $first = $picture unless defined $first;
    ok($rc == 0 && $picture eq $first, "$file: the same picture")
        or diag($err);
    unlink 'made.pfm';
}

for my $file (grep { -f } @formats) {
    my $whole = slurp($file);
    my ($end) = $file =~ /(\.[a-z.]+)$/;
    my $cut = spew("cut$end", substr $whole, 0, length($whole) * 0.7);
    $cut = spew('cut.nhdr', substr $whole, 0, 40) if $file eq 'two.nhdr';
    my ($rc, $out, $err) = render("--volume $cut --out made.pfm");
    ok($rc == 3 && $err =~ /^exposure-render: cut\S*:? .{10,}\n\z/,
        "$file cut short: a sentence")
        or diag($err);
}
is(scalar(leftovers()), 0, 'and no picture');

# A real one, and the same numbers as MetaImage: LPS is RAS turned.
SKIP: {
    my ($known) = glob +($ENV{EXPO_DATA} || '/none') . '/volumes-nifti/*.nii.gz';
    skip 'EXPO_DATA names no folder of scans', 1 unless $known && -e $known;
    my $plain = Compress::Zlib::memGunzip(slurp($known));
    my @n = unpack 's<3', substr $plain, 42, 6;
    my @s = unpack 'f<12', substr $plain, 280, 48;
    spew('known.mha', <<"    END" =~ s/^ +//gmr . substr $plain, 352);
        ObjectType = Image
        NDims = 3
        TransformMatrix = -1 0 0 0 -1 0 0 0 1
        ElementSpacing = $s[0] $s[5] $s[10]
        DimSize = @n
        ElementType = MET_UCHAR
        ElementDataFile = LOCAL
    END
    render("--volume $known --out made.pfm");
    my $picture = slurp('made.pfm');
    render('--volume known.mha --out made.pfm');
    ok(length $picture && slurp('made.pfm') eq $picture, 'a real NIfTI');
    unlink 'made.pfm';
}

# --- what it prints and writes ---------------------------------------------

my ($rc, $out, $err) =
    render('--volume scan.volume --out made.pfm --out made.png --checkpoints 1');
my $said = decode_json($out);
ok($rc == 0 && $out =~ /\A\{.*\}\n\z/, 'one line of JSON');
ok($said->{samples} == 2 && $said->{width} == 48 && $said->{height} == 32,
    'what was asked');
like(slurp('made.png'), qr/\A\x89PNG/, 'a PNG');
like(slurp('made.pfm'), qr/\APF\n48 32\n-1\.0\n/, 'a PFM');
is(-s 'made.pfm', length("PF\n48 32\n-1.0\n") + 48 * 32 * 12, 'of its size');
ok(-e 'made_1.pfm', 'a checkpoint');
unlink leftovers();

($rc, $out) = run('exposure-render --volume scan.volume --size 48x32 '
        . '--seconds 0.001 --out made.pfm');
ok($rc == 0 && decode_json($out)->{samples} >= 1, 'a moment is enough for one');
unlink leftovers();

for my $mode (qw(production unbiased woodcock er2012)) {
    ($rc) = render("--volume scan.volume --mode $mode --out made.pfm");
    ok($rc == 0 && -s 'made.pfm', "--mode $mode");
    unlink leftovers();
}

# --- memory ------------------------------------------------------------------

($rc, $out, $err) =
    render('--volume scan.volume --max-memory 20K --out made.pfm');
ok($rc == 0 && decode_json($out)->{reduced} == 2, 'scaled down to fit');
like($err, qr/shown with 1\/2 of its voxels/, 'which it says');
$first = slurp('made.pfm');
($rc, $out) = render('--volume one.nii.gz --modality CT --max-memory 20K '
        . '--out made.pfm');
ok($rc == 0 && slurp('made.pfm') eq $first, 'the same of another format');
unlink leftovers();
for my $file ('scan.volume', 'scan.nrrd') {
    ($rc, $out, $err) =
        render("--volume $file --max-memory 1 --out made.pfm");
    ok($rc == 3 && $err =~ /memory/ && !leftovers(), "$file: no memory at all")
        or diag($err);
}

# --- a film ------------------------------------------------------------------

sub film_pictures {    # of an MP4: the count in its table of sample sizes
    my $at = index $_[0], 'stsz';
    return $at < 0 ? -1 : unpack 'x12 N', substr $_[0], $at;
}

($rc, $out, $err) = render('--volume scan.volume --turntable 5 --fps 24 '
        . '--out made.mp4 --out made.mpg');
ok($rc == 0, 'a turntable') or diag($err);
is(decode_json($out)->{pictures}, 5, 'of five pictures');
is(film_pictures(slurp('made.mp4')), 5, 'all in the film');
like(slurp('made.mpg'), qr/\A\x00\x00\x01\xba/, 'and in MPEG-1');
is(join(' ', sort(leftovers())), 'made.mp4 made.mpg', 'and nothing else');
unlink leftovers();

# --- presets of 2012 ---------------------------------------------------------

spew('look.xml', <<'END');
<!DOCTYPE Appearance>
<Presets>
<Preset Name="scan">
<Nodes>
<Node><NormalizedIntensity Value="0"/><Opacity Value="0"/></Node>
<Node><NormalizedIntensity Value="1"/><Opacity Value="1"/></Node>
</Nodes>
<DensityScale Value="10"/>
</Preset>
</Presets>
END
spew('camera.xml', <<'END');
<!DOCTYPE Camera>
<Presets>
<Preset Name="other"><Film><Width Value="20"/><Height Value="20"/></Film></Preset>
<Preset Name="scan">
<Film><Width Value="40"/><Height Value="24"/><Exposure Value="0.5"/></Film>
<From X="0.5" Y="0.5" Z="-1"/><Target X="0.5" Y="0.5" Z="0.5"/><Up X="0" Y="1" Z="0"/>
</Preset>
</Presets>
END
my $presets = '--preset-xml look.xml --preset-xml camera.xml';
($rc, $out, $err) = run("exposure-render --volume scan.volume $presets "
        . '--samples 1 --out made.png');
ok($rc == 0 && decode_json($out)->{width} == 40, 'of the volume\'s name')
    or diag($err);
($rc, $out) = run("exposure-render --volume scan.volume $presets "
        . '--preset-name other --samples 1 --out made.png');
ok($rc == 0 && decode_json($out)->{width} == 20, 'or of another');
unlink leftovers();

# --- what it refuses ---------------------------------------------------------

spew('text.nrrd', "Not a volume.\n");
spew('empty', '');
spew('bad.json', '{"camera": {"fov_deg": 1000}}');
spew('cut.json', '{"camera"');
spew('bomb.xml', '<!DOCTYPE a [<!ENTITY b "c">]><Presets>&b;</Presets>');
spew('away.mhd', metaimage('MET_SHORT', 'False', 'False', '../plain.raw'));
spew('gone.mhd', metaimage('MET_SHORT', 'False', 'False', 'gone.raw'));
mkdir 'made.d.png';
system 'mkfifo', 'pipe.png';
my $v = '--volume scan.volume';
for my $case (
    ['', 2, qr/usage/],
    [$v, 2, qr/usage/],
    ["$v --out made.jpg", 2, qr/\.pfm or \.png/],
    ["$v --out made.mp4", 2, qr/--turntable/],
    ["$v --turntable 4 --out made.png", 2, qr/\.mp4/],
    ["$v --turntable 4 --size 33x32 --out made.mp4", 2, qr/even/],
    ["$v --turntable 4 --fps 7 --out made.mpg", 2, qr/no encoder/],
    ["$v --turntable 4 --checkpoints 1 --out made.mp4", 2, qr/exclude/],
    ["$v --out made.png --size 10x10", 2, qr/--size/],
    ["$v --out made.png --size 5000x50", 2, qr/--size/],
    ["$v --out made.png --size 64", 2, qr/--size/],
    ["$v --out made.png --size 4294967360x64", 2, qr/--size/],
    ["$v --out made.png --samples 0", 2, qr/--samples/],
    ["$v --out made.png --samples -1", 2, qr/--samples/],
    ["$v --out made.png --samples 1 --seconds 1", 2, qr/exclude/],
    ["$v --out made.png --samples 1 --checkpoints 2,1", 2, qr/rising/],
    ["$v --out made.png --mode best", 2, qr/--mode/],
    ["$v --out made.png --preset nothing", 2, qr/no preset/],
    ["$v --out made.png --max-memory lots", 2, qr/--max-memory/],
    ["$v --out made.png --modality c/t", 2, qr/--modality/],
    ["$v --out pipe.png", 4, qr/it is a device/],
    ["$v --out nowhere/made.png", 4, qr/cannot write nowhere\/made\.png/],
    ["$v --out made.d.png", 4, qr/folder/],
    ["$v --out /proc/made.png --samples 1", 4, qr/cannot write/],
    ["$v --out made.png --settings bad.json", 3, qr/fov_deg/],
    ["$v --out made.png --settings cut.json", 3, qr/line 1/],
    ["$v --out made.png --settings none.json", 3, qr/none\.json/],
    ["$v --out made.png --preset-xml bomb.xml", 3, qr/bomb\.xml/],
    ["$v --out made.png --preset-xml bad.json", 3, qr/bad\.json/],
    ["$v --out made.png --preset-xml none.xml", 3, qr/none\.xml/],
    ['--volume none --out made.png', 3, qr/cannot open none/],
    ['--volume text.nrrd --out made.png', 3, qr/no volume/],
    ['--volume empty --out made.png', 3, qr/no volume/],
    ['--volume /dev/zero --max-memory 9M --out made.png', 3, qr/no memory/],
    ['--volume away.mhd --out made.png', 3, qr/same folder/],
    ['--volume gone.mhd --out made.png', 3, qr/gone\.raw/],
) {
    my ($args, $want, $why) = @$case;
    ($rc, $out, $err) = run("exposure-render $args");
    ok($rc == $want && $err =~ $why && $out eq '', "refused: $args")
        or diag("$rc $err");
}
rmdir 'made.d.png';
is(scalar(leftovers()), 0, 'nothing is written');

# --- a signal ----------------------------------------------------------------

for my $case (['INT', 130, '--out made.pfm'], ['TERM', 143, '--out made.pfm'],
    ['HUP', 129, '--turntable 90 --out made.mp4'],
    ['INT', 130, '--turntable 90 --out made.mp4']) {
    my ($signal, $want, $args) = @$case;
    my $pid = fork;
    if ($pid == 0) {
        open STDERR, '>', 'err.txt';
        exec "$build/exposure-render", '--volume', 'scan.volume', '--size',
            '256x256', '--samples', '100000', split ' ', $args;
    }
    select undef, undef, undef, 0.7;
    kill $signal, $pid;
    waitpid $pid, 0;
    ok($? >> 8 == $want && !leftovers(), "SIG$signal: $args leaves nothing")
        or diag("$? " . join ' ', leftovers());
}

done_testing();
