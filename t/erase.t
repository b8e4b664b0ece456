# What a person can ask of us by law: their data in a form that others read,
# and that nothing of it stays. The shipped nginx configuration, a render-worker
# and exposure-admin as an operator calls it.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Compress::Zlib ();
use Exposure::Fixture;
use Exposure::WebSocket;
use Test::More;
use Time::HiRes ();

my $build = $ENV{EXPOSURE_BUILD} || 'build';
my $f = Exposure::Fixture->new(slots => 1);
my $dir = $f->dir;

$f->start_nginx(workers => 2);
my %token = map { $_ => $f->account_token($_) } qw(alice bob);
my $scan = $f->upload_phantom($token{alice});
my $kept = $f->upload_phantom($token{bob});

sub get { return $f->http('GET', $_[0], token => $token{$_[1]}) }

# --- export ------------------------------------------------------------------

# What exposure-import makes of the same files, read by its own rules.
Exposure::Fixture::command("$build/exposure-import", '--out', "$dir/plain.nrrd",
                           "$dir/dicom");
my $expected = slurp("$dir/plain.nrrd");
$expected =~ s/\A.*?\n\n//s;

sub slurp {
    open my $in, '<:raw', $_[0] or die "$_[0]: $!";
    local $/;
    return scalar <$in>;
}

my $nifti = get("scans/$scan/export?format=nifti", 'alice');
is($nifti->{status}, 200, 'an owner gets their scan');
is($nifti->{headers}{'content-length'}, length $nifti->{content},
   'whose length is told beforehand');
is($nifti->{headers}{'cache-control'}, 'no-store', 'and is kept nowhere');
is(unpack('l<', $nifti->{content}), 348, 'it is a NIfTI file');
ok(substr($nifti->{content}, 352) eq $expected,
   "whose values are those of exposure-import's volume");

my ($nx, $ny, $nz) = unpack 's<3', substr $nifti->{content}, 42, 6;
is(352 + 2 * $nx * $ny * $nz, length $nifti->{content}, 'of the size it says');
my @space = slurp("$dir/plain.nrrd") =~ /^space directions: (.*)$/m;
my @origin = slurp("$dir/plain.nrrd") =~ /^space origin: \((.*)\)$/m;
my @steps = map { [split /,/] } $space[0] =~ /\(([^)]*)\)/g;
my @lps = map { my $r = $_; (map({ $_->[$r] } @steps),
                             (split /,/, $origin[0])[$r]) } 0 .. 2;
my @srow = unpack 'f<12', substr $nifti->{content}, 280, 48;
my $off = 0;
for my $i (0 .. 11) {
    my $want = $i < 8 ? -$lps[$i] : $lps[$i];
    $off++ if abs($srow[$i] - $want) > 1e-4 * (1 + abs $want);
}
is($off, 0, 'and whose place is the same in RAS');

my $gz = get("scans/$scan/export?format=nifti&gzip=true", 'alice');
ok(Compress::Zlib::memGunzip($gz->{content}) eq $nifti->{content},
   'gzipped it is the same');
like($gz->{headers}{'content-disposition'}, qr/"$scan\.nii\.gz"/,
     'under a name that says so');
my $nrrd = get("scans/$scan/export?format=nrrd", 'alice');
like($nrrd->{content}, qr/\ANRRD0005\n/, 'NRRD as well');
ok($nrrd->{content} =~ /\A.*?\n\n(.*)\z/s && $1 eq $expected,
   'with the same values');

is(get("scans/$scan/export?format=zip", 'alice')->{status}, 400,
   'another format is refused');
is(get("scans/$scan/export", 'bob')->{status}, 404,
   'and nobody else gets anything');

my $tar = get('users/current/export', 'alice');
is($tar->{status}, 200, 'a person gets all that is theirs');
Exposure::Fixture::append("$dir/all.tar", $tar->{content});
is(Exposure::Fixture::command('tar', '-tf', "$dir/all.tar"),
   "export.json\nscans/$scan.nii\n", 'as a tar that tar reads');
my $about = JSON::PP::decode_json(
    Exposure::Fixture::command('tar', '-xOf', "$dir/all.tar", 'export.json'));
is($about->{scans}[0]{id}, $scan, 'which says what is known of each scan');
ok(exists $about->{scans}[0]{volume}, 'in the clear');
is(scalar @{$about->{scans}}, 1, 'and of nobody else\'s');
ok(Exposure::Fixture::command('tar', '-xOf', "$dir/all.tar", "scans/$scan.nii")
   eq $nifti->{content}, 'and has the volumes');

# Its length is not said beforehand: after the last chunk there is nothing.
{
    my $all = IO::Socket::SSL->new(PeerAddr => '127.0.0.1:' . $f->port,
                                   SSL_verify_mode => 0) or die;
    print $all "GET /api/v1/users/current/export HTTP/1.1\r\nHost: x\r\n"
        . "Connection: close\r\nAuthorization: Bearer $token{alice}\r\n\r\n";
    my $bytes = '';
    while ($all->read(my $some, 65536)) {
        $bytes .= $some;
        last if length $bytes > 2 * length $tar->{content};
    }
    is(index($bytes, "\r\n0\r\n\r\n"), length($bytes) - 7, 'it ends once');
}

# A reader that stops: the others go on, and nothing is left behind.
{
    my $slow = IO::Socket::SSL->new(PeerAddr => '127.0.0.1:' . $f->port,
                                    SSL_verify_mode => 0) or die;
    print $slow "GET /api/v1/scans/$scan/export HTTP/1.1\r\nHost: x\r\n"
        . "Authorization: Bearer $token{alice}\r\n\r\n";
    $slow->read(my $some, 1000);
    is(get("scans/$scan/export", 'alice')->{status}, 200,
       'an export beside one that is not read');
    close $slow;
}
is(get("scans/$scan/export", 'alice')->{status}, 200, 'and after it')
    for 1 .. 6;

# --- the same by an operator who has the master key ------------------------------

my @where = ('--data', "$dir/store", '--keys', "$dir/keys");

sub admin {
    return Exposure::Fixture::command($f->admin, @_, @where);
}

# With alice's password on standard input.
sub admin_for_alice {
    my $words = join ' ', map { "'$_'" } $f->admin, @_, '--name', 'alice', @where;
    return Exposure::Fixture::command('sh', '-c',
        "printf '%s' '$f->{password}{alice}' | $words");
}

admin_for_alice('export', "$dir/mine.tar");
ok(Exposure::Fixture::command('tar', '-xOf', "$dir/mine.tar", "scans/$scan.nii")
   eq $nifti->{content}, 'an operator exports for somebody with a password');

admin('recovery', 'init', "$dir/paper");
admin('recovery', 'seal');
like(admin_for_alice('recovery', 'drill', "$dir/paper"),
     qr/^the sealed .* in use\na scan opens with it\n\z/,
     'the sealed master secret opens a scan');

# --- another name ---------------------------------------------------------------

my %other = map { $_ => $f->token($_) } qw(carol dora);
my $moved = $f->upload_phantom($other{carol});
sub with { return $f->http('GET', $_[0], token => $other{$_[1]}) }
is(with('scans', 'dora')->{json}{scans}[0], undef, 'a new name has nothing');
is($f->http('POST', 'users/current/identity', token => $other{dora},
            content => {token => $f->token('carol', claims => {exp => time - 999})})
   ->{status}, 403, 'an old token of the former name does not count');
is($f->http('POST', 'users/current/identity', token => $other{dora},
            content => {token => $other{carol}})->{status}, 204,
   'with a token of each, what was there is taken along');
ok(with("scans/$moved/export", 'dora')->{content} eq $nifti->{content},
   'and opens');
is(with("scans/$moved", 'carol')->{status}, 404, 'for them alone');
is($f->http('DELETE', "scans/$moved", token => $other{dora})->{status}, 204,
   'as its owner');

# --- erasing oneself ------------------------------------------------------------

my $ws = Exposure::WebSocket->new(port => $f->port, tls => 1,
                                  path => "/api/v1/scans/$scan/execute");
$ws->send_json({type => 'authenticate', token => $token{alice}});
$ws->expect('assigned');

is($f->http('DELETE', 'users/current', token => $token{alice},
            content => {confirm => JSON::PP::false()})->{status}, 400,
   'who does not say that they mean it stays');
is(get("scans/$scan", 'alice')->{status}, 200, 'with all that is theirs');

my @before = glob "$dir/store/blobs/*";
my $salt = Exposure::Fixture::command('sqlite3', "$dir/store/store.db",
    'SELECT hex(salt) FROM users JOIN scans ON owner_tag = tag WHERE scans.id = '
    . "(SELECT id FROM scans ORDER BY rowid LIMIT 1)");
chomp $salt;
my $start = Time::HiRes::time();
my $gone = $f->http('DELETE', 'users/current', token => $token{alice},
                    content => {confirm => JSON::PP::true()});
my $took = Time::HiRes::time() - $start;
is($gone->{status}, 204, 'who means it is erased');
cmp_ok($took, '<', 1, sprintf 'within %.0f ms', 1000 * $took);

my $bytes = join '', map { -e $_ ? slurp($_) : '' }
    "$dir/store/store.db", "$dir/store/store.db-wal";
is(index($bytes, pack 'H*', $salt), -1,
   'neither the database nor its log has the salt any more');
my @after = glob "$dir/store/blobs/*";
is(scalar @after, @before / 2, 'and their files are gone');

ok($ws->expect_close, 'their session has ended');
isnt(get('scans', 'alice')->{status}, 200, 'their token opens nothing');
is($f->http('POST', 'accounts/login', content =>
            {name => 'alice', password => $f->{password}{alice}})->{status},
   401, 'their account is no more');
is(get("scans/$kept", 'bob')->{status}, 200, 'others keep what is theirs');

# --- what an operator does -------------------------------------------------------

like(admin('user', 'list'), qr/^[a-z2-7]{26}  \d{4}-\d\d-\d\d      1 .*account$/m,
     'an operator sees who is left');
admin('user', 'quota', 'bob', 1000);
is($f->http('GET', 'users/current', token => $token{bob})->{json}{quota_bytes},
   1000, 'a quota holds at once');
is($f->http('POST', 'scans', token => $token{bob}, type => 'application/x-tar',
            content => $f->phantom_tar)->{status}, 507, 'for what comes');
admin('user', 'quota', 'bob', 'default');

like(admin('backup', "$dir/backup"), qr/^1 scans, 2 files/,
     'a backup while the service runs');
admin('erase', 'scan', $kept);
Exposure::Fixture::wait_for(sub { get("scans/$kept", 'bob')->{status} == 404 },
                            'the scan to be gone');
Exposure::Fixture::append("$dir/erased", admin('erase', 'list'));
$f->stop_nginx;

rename "$dir/store", "$dir/store.lost" or die $!;
like(admin('restore', "$dir/backup", '--erased', "$dir/erased"),
     qr/^0 scans, 0 files.*\n1 of 4 erasures/, 'a restore without the erased');
like(admin('fsck'), qr/^clean, 0/, 'which is clean');
$f->start_nginx(workers => 2);
is(get("scans/$kept", 'bob')->{status}, 404, 'the erased stays erased');
is(get('scans', 'bob')->{status}, 200, 'and the service goes on');

admin('erase', 'user', 'bob');
isnt(get('scans', 'bob')->{status}, 200, 'an operator erases by name');

unlike($f->error_log, qr/\[(alert|crit|emerg)\]/, 'nothing bad in the log');
$f->close_all;
done_testing();
