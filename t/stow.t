# STOW-RS: a study as one stream of parts, answered instance by instance; from
# our own requests, and from Debian's Orthanc with its DICOMweb plug-in.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use HTTP::Tiny ();
use IO::Socket::SSL;
use JSON::PP ();
use Test::More;
use Time::HiRes ();

my $f = Exposure::Fixture->new;
my ($alice, $bob) = map { $f->token($_) } qw(alice bob);

$f->start_nginx(workers => 2, quota => '2g');
$f->phantom_tar;

# A file of the phantom, as bytes.
sub slices {
    my @paths = sort map { chomp; $_ } Exposure::Fixture::command('find', "$f->{dir}/dicom", '-type', 'f')
        =~ /.+/g;
    return map { open my $in, '<:raw', $_ or die $!; local $/; scalar <$in> } @paths;
}

# The value of a UID element of explicit little endian, and its bytes for another.
sub uid {
    my ($bytes, $tag) = @_;
    $bytes =~ /\Q$tag\EUI(..)/s or die 'no such element';
    my $n = unpack 'v', $1;
    my $value = substr $bytes, $+[0], $n;
    return ($value =~ s/\0$//r, $+[0], $n);
}

my ($CLASS, $INSTANCE, $SERIES) = ("\x08\0\x16\0", "\x08\0\x18\0", "\x20\0\x0e\0");

# The same length of UID, so that nothing else moves.
sub with_uid {
    my ($bytes, $tag, $mark) = @_;
    my ($value, $at, $n) = uid($bytes, $tag);
    substr($bytes, $at + length($value) - length $mark, length $mark) = $mark;
    return $bytes;
}

sub body {
    my ($boundary, @part) = @_;
    return join('', map { "--$boundary\r\nContent-Type: application/dicom\r\nContent-Length: "
                          . length($_) . "\r\n\r\n$_\r\n" } @part) . "--$boundary--";
}

sub store {
    my ($content, %arg) = @_;
    return $f->http('POST', 'dicomweb/studies', token => $arg{token} || $alice, content => $content,
                    type => $arg{type} || 'multipart/related; type="application/dicom"; boundary=b',
                    headers => {Accept => $arg{accept} || 'application/dicom+json'});
}

sub instances {
    my ($json, $tag) = @_;
    return map { $_->{'00081155'}{Value}[0] } @{$json->{$tag}{Value} || []};
}

sub scans {
    my ($token) = @_;
    my $list;
    Exposure::Fixture::wait_for(sub {
        $list = $f->http('GET', 'scans', token => $token)->{json}{scans};
        return !grep { $_->{state} eq 'importing' } @$list;
    }, 'imports');
    return @$list;
}

sub forget {
    my ($token) = @_;
    $f->http('DELETE', "scans/$_->{id}", token => $token) for scans($token);
}

my @slices = slices();

subtest 'a study of one series' => sub {
    my $res = store(body('b', @slices));
    is($res->{status}, 200, 'is stored');
    is($res->{headers}{'content-type'}, 'application/dicom+json', 'answered in DICOM JSON');
    is_deeply([sort(instances($res->{json}, '00081199'))],
              [sort map { (uid($_, $INSTANCE))[0] } @slices], 'every instance is named');
    is($res->{json}{'00081199'}{Value}[0]{'00081150'}{Value}[0], (uid($slices[0], $CLASS))[0], 'with its class');
    ok(!$res->{json}{'00081198'}, 'none has failed');
    my @scans = scans($alice);
    is(scalar @scans, 1, 'a scan');
    is($scans[0]{state}, 'ready', 'is read');
    is_deeply($scans[0]{volume}{dims}, [128, 128, 64], 'in whole');
    forget($alice);
};

subtest 'a study of two series, an odd file and a broken one' => sub {
    my @second = map { with_uid(with_uid($_, $SERIES, '77'), $INSTANCE, sprintf '7%03d', 0 + (uid($_, $INSTANCE))[0] =~ s/.*\.//r) }
        @slices[0 .. 39];
    my $res = store(body('b', (map { ($slices[$_], $second[$_] || ()) } 0 .. $#slices),
                         'not a picture', substr $slices[0], 0, 700));
    is($res->{status}, 202, 'is stored in part');
    is(scalar(instances($res->{json}, '00081199')), @slices + @second, 'the good ones');
    is(@{$res->{json}{'00081198'}{Value} || []} + @{$res->{json}{'0008119A'}{Value} || []}, 2,
       'the others are told');
    ok(($res->{json}{'0008119A'}{Value}[0] || {})->{'00081197'}, 'with a reason');
    my @scans = scans($alice);
    is_deeply([sort { $a <=> $b } map { $_->{volume}{dims}[2] || 0 } @scans], [40, 64], 'a scan each');
    forget($alice);
};

subtest 'nothing that can be stored' => sub {
    my $res = store(body('b', 'x' x 1000, ''));
    is($res->{status}, 409, 'refused');
    is(@{$res->{json}{'0008119A'}{Value} || []}, 2, 'each is told');
    $res = store(body('b', $slices[0]));
    is($res->{status}, 409, 'one slice is no scan');
    is_deeply([instances($res->{json}, '00081198')], [(uid($slices[0], $INSTANCE))[0]], 'it has failed');
    is(scalar(scans($alice)), 0, 'nothing is stored');
    is(scalar(grep { -f } glob "$f->{dir}/store/blobs/*"), 0, 'no file stays');
};

subtest 'what is not a study' => sub {
    my $type = 'multipart/related; boundary=b; type=';
    is(store('x', type => 'application/dicom')->{status}, 415, 'no parts');
    is(store(body('b', 'x'), type => $type . '"application/dicom+xml"')->{status}, 415, 'XML');
    is(store(body('b', 'x'), type => 'multipart/related; type="application/dicom"')->{status}, 400,
       'no boundary');
    is(store(body('b', 'x'), accept => 'application/dicom+xml')->{status}, 406, 'an answer in XML');
    is(store('', type => $type . '"application/dicom"')->{status}, 400, 'empty');
    is(store('--b--', type => $type . '"application/dicom"')->{status}, 400, 'no part');
    is(store(substr(body('b', $slices[0]), 0, -10), type => $type . '"application/dicom"')->{status}, 400, 'cut');
    is($f->http('POST', 'dicomweb/studies', content => 'x', type => 'text/plain')->{status}, 401, 'a stranger');
};

subtest 'clients that leave anywhere' => sub {
    my $study = body('b', @slices);
    my @kinds = (
        ['dicomweb/studies', 'multipart/related; type="application/dicom"; boundary=b', '', $study],
        ['scans', 'multipart/related; boundary=b', '', $study],
        ['uploads', 'application/offset+octet-stream',
         "Tus-Resumable: 1.0.0\r\nUpload-Length: " . length($study) . "\r\n", $study],
        ['uploads', 'application/offset+octet-stream',
         "Tus-Resumable: 1.0.0\r\nUpload-Length: 3000000\r\nUpload-Checksum: sha1 " . 'A' x 27 . "=\r\n", $study]);

    srand 5;
    for my $kind (@kinds) {
        my ($path, $type, $headers, $content) = @$kind;
        for my $round (1 .. 12) {
            my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $f->port,
                                         SSL_verify_mode => 0) or die 'no connection';
            my $sent = $round > 9 ? length $content : int rand length $content;
            local $SIG{PIPE} = 'IGNORE';
            print $s "POST /api/v1/$path HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer $alice\r\n"
                . "Content-Type: $type\r\n${headers}Content-Length: " . length($content) . "\r\n\r\n"
                . substr $content, 0, $sent;
            Time::HiRes::sleep(rand 0.3) if $round > 9;
            $s->stop_SSL(SSL_fast_shutdown => 1);
            close $s;
        }
        is($f->http('GET', 'healthz')->{status}, 200, "$path: the service goes on");
    }
    forget($alice);
};

SKIP: {
    my ($orthanc, $plugin) = ('/usr/sbin/Orthanc', '/usr/share/orthanc/plugins/libOrthancDicomWeb.so');
    skip 'the packages orthanc and orthanc-dicomweb are not installed', 1 unless -x $orthanc && -e $plugin;

    subtest 'pushed by Orthanc' => sub {
        my ($http, $dicom) = map { Exposure::Fixture::free_port() } 1 .. 2;
        my $dir = "$f->{dir}/orthanc";
        mkdir $dir or die $!;
        Exposure::Fixture::append("$dir/orthanc.json", JSON::PP::encode_json({
            Name => 'test', StorageDirectory => "$dir/storage", IndexDirectory => "$dir/index",
            HttpPort => $http, HttpBindAddresses => ['127.0.0.1'], DicomPort => $dicom,
            DicomServerEnabled => JSON::PP::false, RemoteAccessAllowed => JSON::PP::false,
            AuthenticationEnabled => JSON::PP::false, HttpsVerifyPeers => JSON::PP::false,
            HttpsCACertificates => '', Plugins => [$plugin],
            DicomWeb => {Enable => JSON::PP::true, Servers => {us => {
                Url => 'https://127.0.0.1:' . $f->port . '/api/v1/dicomweb',
                HttpHeaders => {Authorization => "Bearer $bob"}}}}}));
        my $pid = fork;
        if (!$pid) {
            open STDOUT, '>', "$dir/log";
            open STDERR, '>&', \*STDOUT;
            exec $orthanc, "$dir/orthanc.json" or die $!;
        }
        my $rest = sub {
            my ($method, $path, $content) = @_;
            my $res = HTTP::Tiny->new(timeout => 60)->request(
                $method, "http://127.0.0.1:$http/$path", defined $content ? {content => $content} : {});
            return eval { JSON::PP::decode_json($res->{content}) };
        };

        eval {
            Exposure::Fixture::wait_for(sub { ref $rest->('GET', 'system') }, 'Orthanc');
            my $study;
            $study = $rest->('POST', 'instances', $_)->{ParentStudy} for @slices;
            my $sent = $rest->('POST', 'dicom-web/servers/us/stow',
                               JSON::PP::encode_json({Resources => [$study], Synchronous => JSON::PP::false}));
            my $job;
            Exposure::Fixture::wait_for(sub {
                $job = $rest->('GET', "jobs/$sent->{ID}");
                return $job->{State} =~ /^(?:Success|Failure)$/;
            }, 'the job');
            is($job->{State}, 'Success', 'its job ends well')
                or diag(JSON::PP::encode_json($job));
            is($job->{Content}{InstancesCount} // @slices, scalar @slices, 'with every instance');
            my @scans = scans($bob);
            is(scalar @scans, 1, 'a scan');
            is_deeply([$scans[0]{state}, $scans[0]{volume}{dims}], ['ready', [128, 128, 64]], 'in whole');
        };
        my $failed = $@;
        kill 'TERM', $pid;
        waitpid $pid, 0;
        is($failed, '', 'nothing went wrong on the way');
    };
}

unlike($f->error_log, qr/\[(alert|crit|emerg)\]/, 'nothing alarming in the log');
my $uid = (uid($slices[0], $INSTANCE))[0];
is(system('grep', '-rqaF', $uid, "$f->{dir}/store", "$f->{dir}/log", "$f->{dir}/run") >> 8, 1,
   'no UID is in store or logs');

done_testing();
