# Bodies of POST /scans that are not a tar: archives, single files, parts as curl
# and browsers send them; and bodies that nobody reads.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use IO::Socket::SSL;
use Test::More;
use Time::HiRes ();

my $f = Exposure::Fixture->new;
my $token = $f->token('alice');
my $tar = $f->phantom_tar;
my $dir = $f->dir . '/dicom';

$f->start_nginx(workers => 1, http => 'lingering_time 1s; lingering_timeout 1s;');

my @slices = sort map { chomp; $_ } Exposure::Fixture::command('find', $dir, '-type', 'f') =~ /.+/g;
my %bytes = map { my $p = $_; $p => do { open my $in, q(<:raw), $p or die $!; local $/; scalar <$in> } } @slices;

sub parts {
    my ($boundary, @part) = @_;
    return join('', map { "--$boundary\r\n$_->[0]\r\n\r\n$_->[1]\r\n" } @part) . "--$boundary--\r\n";
}

sub post {
    my ($content, $type) = @_;
    return $f->http('POST', 'scans', token => $token, content => $content, type => $type);
}

sub scan_of {
    my ($res) = @_;
    return {state => "HTTP $res->{status} $res->{content}"} if $res->{status} != 201;
    my $scan;
    Exposure::Fixture::wait_for(sub {
        $scan = $f->http('GET', "scans/$res->{json}{id}", token => $token)->{json};
        return $scan->{state} ne 'importing';
    }, 'the import');
    return $scan;
}

sub curl {
    my (@args) = @_;
    Exposure::Fixture::append("$f->{dir}/curlrc", "header = \"Authorization: Bearer $token\"\n")
        unless -e "$f->{dir}/curlrc";
    my $out = Exposure::Fixture::command('curl', '-sk', '--config', "$f->{dir}/curlrc", '-w', '\n%{http_code}',
                                         @args, 'https://127.0.0.1:' . $f->port . '/api/v1/scans');
    my ($content, $status) = $out =~ /^(.*)\n(\d+)$/s;
    return {status => $status, content => $content, json => eval { JSON::PP::decode_json($content) }};
}

my $right = scan_of(post($tar, 'application/x-tar'))->{volume};
is_deeply($right->{dims}, [128, 128, 64], 'the tar, to compare with');

subtest 'one piece, whatever its type is said to be' => sub {
    is_deeply(scan_of(post($tar, 'text/plain'))->{volume}, $right, 'a tar as text');
    my $packed = Exposure::Fixture::command('sh', '-c', "exec tar -C '$dir' -czf - .");
    is_deeply(scan_of(post($packed, 'application/gzip'))->{volume}, $right, 'a gzipped tar');
    my $nrrd = "NRRD0004\ntype: short\ndimension: 3\nsizes: 8 8 8\nspacings: 1 1 1\nencoding: raw\n"
        . "endian: little\n\n" . pack 's<*', map { $_ % 97 } 1 .. 512;
    my $scan = scan_of(post($nrrd, 'application/octet-stream'));
    ok($scan->{state} eq 'ready' || $scan->{failure}, 'a NRRD is read, or refused with a sentence');
    is(post('x' x 600, 'image/jpeg')->{status}, 201, 'anything else is taken');
};

subtest 'a form of files' => sub {
    my @files = map { my $n = $_; map { ('-F', "file=\@$_") } $slices[$n] } 0 .. $#slices;
    is_deeply(scan_of(curl(@files))->{volume}, $right, 'each slice a file');
    Exposure::Fixture::append("$f->{dir}/all.tar", $tar);
    is_deeply(scan_of(curl('-F', 'title=Knee', '-F', "file=\@$f->{dir}/all.tar", '-F', 'x=y'))->{volume},
              $right, 'one archive among fields');
    my $res = curl('-F', "file=\@$f->{dir}/all.tar", '-F', "more=\@$f->{dir}/all.tar");
    is($res->{status}, 400, 'two archives');
    like($res->{json}{detail}, qr/one archive/, 'with a sentence');
    is(curl('-F', 'title=Knee')->{status}, 400, 'no file');

    my $values = pack 's<*', map { $_ % 97 } 1 .. 512;
    Exposure::Fixture::append("$f->{dir}/knee.raw", $values);
    Exposure::Fixture::append("$f->{dir}/knee.mhd", "ObjectType = Image\nNDims = 3\nDimSize = 8 8 8\n"
        . "ElementType = MET_SHORT\nElementSpacing = 1 1 2\nElementDataFile = knee.raw\n");
    for my $order (['mhd', 'raw'], ['raw', 'mhd']) {
        my $scan = scan_of(curl(map { ('-F', "file=\@$f->{dir}/knee.$_") } @$order));
        is_deeply($scan->{volume}{dims}, [8, 8, 8], "a volume in two files, @$order") or diag explain $scan;
    }
    my $alone = scan_of(curl('-F', "file=\@$f->{dir}/knee.mhd"));
    like($alone->{failure}{detail}, qr/another file/, 'its header alone');
};

subtest 'related parts of any size' => sub {
    # files larger than a chunk of 256 KiB, and none, between slices
    my @part = map { ['Content-Type: application/dicom', $bytes{$_}] } @slices;
    splice @part, 10, 0, ['A: 1', 'x' x 700_000], ['B: 2', ''], ['C: 3', "\r\n--b" x 60_000];
    my $type = 'multipart/related; type="application/dicom"; boundary=bound';
    is_deeply(scan_of(post(parts('bound', @part), $type))->{volume}, $right, 'become the same volume');

    my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $f->port,
                                 SSL_verify_mode => 0) or die;
    print $s "POST /api/v1/scans HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer $token\r\n"
        . "Content-Type: $type\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    my ($body, $n) = (parts('bound', @part), 1);
    for (my $at = 0; $at < length $body; $at += $n, $n = $n * 7 % 60_013 + 1) {
        my $piece = substr $body, $at, $n;
        print $s sprintf("%x\r\n", length $piece) . "$piece\r\n";
    }
    print $s "0\r\n\r\n";
    my $answer = do { local $/; <$s> };
    like($answer, qr/^HTTP\/1.1 201 /, 'in chunks of odd sizes');
    my ($id) = $answer =~ /"id":"([a-z2-7]{26})"/;
    is_deeply(scan_of({status => 201, json => {id => $id}})->{volume}, $right, 'the same');
};

subtest 'what is not made of parts' => sub {
    my $type = 'multipart/related; boundary=';
    my $long = 'b' x 70;
    is(post(parts($long, ['A: 1', "\r\n--" . 'b' x 69 . "\r\n"]), "$type$long")->{status}, 201,
       'a boundary of 70 that is almost in the data');
    is(post(parts('b' x 129, ['A: 1', 'x']), $type . 'b' x 129)->{status}, 400, 'a boundary of 129');
    is(post(parts('b', ['A: 1', 'x']), "${type}c")->{status}, 400, 'another boundary');
    is(post('--b--', "${type}b")->{status}, 400, 'no part');
    is(post(substr(parts('b', ['A: 1', 'x']), 0, -6), "${type}b")->{status}, 400, 'no end');
    is(post(parts('b', ["A: \0", 'x']), "${type}b")->{status}, 400, 'a NUL in a header');
    is(post(parts('b', ['A: ' . 'x' x 1_000_000, 'x']), "${type}b")->{status}, 413, 'a header of a megabyte');
    is(post(parts('b', map { ['A: 1', ''] } 1 .. 100_000), "${type}b")->{status}, 413, '100,000 parts');
    is(post(parts('b', ['A: 1', parts('c', ['B: 1', 'x'])]), "${type}b")->{status}, 201,
       'parts within a part are its bytes');
};

subtest 'a body that nobody reads has an end' => sub {
    for (['GET', 'healthz', ''], ['POST', 'uploads', ''], ['GET', 'nothing', ''],
         ['DELETE', 'scans/' . 'a' x 26, "Authorization: Bearer $token\r\n"]) {
        my ($method, $path, $header) = @$_;
        my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $f->port,
                                     SSL_version => 'TLSv12', SSL_verify_mode => 0) or die;
        local $SIG{PIPE} = 'IGNORE';
        print $s "$method /api/v1/$path HTTP/1.1\r\nHost: localhost\r\n$header"
            . "Transfer-Encoding: chunked\r\n\r\n";
        my $begun = Time::HiRes::time();
        while (Time::HiRes::time() - $begun < 10) {
            print $s "400\r\n" . 'x' x 1024 . "\r\n" or last;
            Time::HiRes::sleep(0.01);
        }
        cmp_ok(Time::HiRes::time() - $begun, '<', 8, "$method $path: chunks without end are cut");
    }
};

unlike($f->error_log, qr/\[(alert|crit|emerg)\]/, 'nothing alarming in the log');

done_testing();
