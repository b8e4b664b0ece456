# Resumable uploads (tus 1.0): what a client is told is there is there, whatever
# happens to connections and processes.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Digest::SHA ();
use Exposure::Fixture;
use IO::Socket::SSL;
use MIME::Base64 ();
use Test::More;
use Time::HiRes ();

my $CHUNK = 256 * 1024; # of the module's; offsets around it are the odd ones
my $f = Exposure::Fixture->new;
my ($alice, $bob) = map { $f->token($_) } qw(alice bob);
my $tar = $f->phantom_tar;
my $length = length $tar;

$f->start_nginx(workers => 2);

# One request of the protocol. headers of the answer are %{$res->{headers}}.
sub tus {
    my ($method, $path, $headers, $content, %arg) = @_;
    return $f->http($method, $path, token => $arg{token} || $alice,
                    headers => {'Tus-Resumable' => '1.0.0', %{$headers || {}}},
                    defined $content
                    ? (content => $content,
                       type => $arg{type} || 'application/offset+octet-stream') : ());
}

sub begin {
    my ($bytes, %headers) = @_;
    my $res = tus('POST', 'uploads', {'Upload-Length' => $bytes, %headers});
    die "no upload: $res->{status} $res->{content}\n" if $res->{status} != 201;
    my ($path) = $res->{headers}{location} =~ m{^/api/v1/(uploads/[a-z2-7]{26})$};
    return $path;
}

sub patch {
    my ($path, $at, $content, %headers) = @_;
    return tus('PATCH', $path, {'Upload-Offset' => $at, %headers}, $content);
}

sub offset {
    my $res = tus('HEAD', $_[0]);
    return $res->{status} == 200 ? $res->{headers}{'upload-offset'} : "HTTP $res->{status}";
}

# A PATCH of so many bytes that sends only `content` and stays open.
sub unfinished {
    my ($path, $at, $bytes, $content) = @_;
    my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $f->port,
                                 SSL_version => 'TLSv12', SSL_verify_mode => 0)
        or die 'no connection';
    print $s "PATCH /api/v1/$path HTTP/1.1\r\nHost: localhost\r\n"
        . "Authorization: Bearer $alice\r\nTus-Resumable: 1.0.0\r\n"
        . "Content-Type: application/offset+octet-stream\r\n"
        . "Upload-Offset: $at\r\nContent-Length: $bytes\r\n\r\n$content";
    return $s;
}

# The volume's hash would need the key: its look is told by its percentiles.
sub scan_of {
    my ($id) = @_;
    my $scan;
    Exposure::Fixture::wait_for(sub {
        $scan = $f->http('GET', "scans/$id", token => $alice)->{json};
        return $scan->{state} ne 'importing';
    }, 'the import');
    return $scan;
}

# Sends the rest from wherever the upload is; the scan's id.
sub rest_of {
    my ($path) = @_;
    my $at = offset($path);
    my $res = patch($path, $at, substr $tar, $at);
    return $res->{headers}{'exposure-scan'};
}

sub workers {
    chomp(my $master = do { local (@ARGV, $/) = "$f->{dir}/run/nginx.pid"; <> });
    return ($master, split ' ', Exposure::Fixture::command('pgrep', '-P', $master));
}

sub blobs { return scalar grep { -f } glob "$f->{dir}/store/blobs/*" }

my $right = $f->http('GET', 'scans/' . $f->upload_phantom($alice), token => $alice)->{json}{volume};

subtest 'what is offered' => sub {
    my $res = $f->http('OPTIONS', 'uploads');
    is($res->{status}, 204, 'without a token');
    is($res->{headers}{'tus-version'}, '1.0.0', 'version');
    is($res->{headers}{'tus-max-size'}, 4 << 30, 'largest');
    is($res->{headers}{'tus-extension'},
       'creation,creation-with-upload,checksum,expiration,termination', 'extensions');
    is($res->{headers}{'tus-checksum-algorithm'}, 'sha1,sha256', 'checksums');
};

subtest 'in pieces of any size' => sub {
    my $path = begin($length, 'Upload-Metadata' => 'title '
                     . MIME::Base64::encode_base64("Knie \xc3\xa4", '') . ',kind eA==');
    my ($at, $res) = (0);
    for my $n (1, 99_999, $CHUNK - 100_000, 300_000, 0, $CHUNK - 37_856, 1_000_000, $length) {
        $res = patch($path, $at, substr $tar, $at, $n);
        $at += length substr $tar, $at, $n;
        is($res->{status}, 204, "a piece of $n");
        is($res->{headers}{'upload-offset'}, $at, 'then it is there');
        is(offset($path), $at, 'and stays there');
        ok($res->{headers}{'upload-expires'}, 'until a time that is said');
    }
    my $id = $res->{headers}{'exposure-scan'};
    ok($id, 'the last one names the scan');
    my $head = tus('HEAD', $path)->{headers};
    is($head->{'exposure-scan'}, $id, 'and HEAD still does');
    is($head->{'upload-length'}, $length, 'length');
    like($head->{'upload-metadata'}, qr/^title \S+,kind eA==$/, 'metadata as it was given');
    like($head->{'cache-control'}, qr/no-store/, 'not to be cached');
    is(patch($path, $length, '')->{headers}{'exposure-scan'}, $id, 'so does a PATCH of nothing');
    my $scan = scan_of($id);
    is($scan->{state}, 'ready', 'it is read');
    is($scan->{title}, "Knie \x{e4}", 'under its title');
    is_deeply($scan->{volume}, $right, 'and is the same volume');
    is($f->http('DELETE', "scans/$id", token => $alice)->{status}, 204, 'deleted');
    is(offset($path), 'HTTP 404', 'with it goes its upload');
};

subtest 'creation with upload' => sub {
    my $res = tus('POST', 'uploads', {'Upload-Length' => $length}, substr $tar, 0, 700_000);
    is($res->{status}, 201, 'made');
    is($res->{headers}{'upload-offset'}, 700_000, 'with what came');
    my ($path) = $res->{headers}{location} =~ m{/api/v1/(.*)};
    is_deeply(scan_of(rest_of($path))->{volume}, $right, 'the rest follows');

    $res = tus('POST', 'uploads', {'Upload-Length' => $length}, $tar);
    is($res->{status}, 201, 'all at once');
    is(scan_of($res->{headers}{'exposure-scan'})->{state}, 'ready', 'is a scan');
    is(tus('POST', 'uploads', {'Upload-Length' => 5}, 'x' x 6)->{status}, 413, 'more than its length');
    is(tus('POST', 'uploads', {'Upload-Length' => 5}, 'x', type => 'text/plain')->{status}, 415,
       'of another type');
};

subtest 'a checksum' => sub {
    my $path = begin($length);
    my $piece = substr $tar, 0, 3 * $CHUNK + 17;
    my %sum = (sha1 => MIME::Base64::encode_base64(Digest::SHA::sha1($piece), ''),
               sha256 => MIME::Base64::encode_base64(Digest::SHA::sha256($piece), ''));
    my $res = patch($path, 0, substr($piece, 0, -1) . 'x', 'Upload-Checksum' => "sha1 $sum{sha1}");
    is($res->{status}, 460, 'that is not its: refused');
    is(offset($path), 0, 'and nothing of it stays');
    is(patch($path, 0, $piece, 'Upload-Checksum' => "md5 $sum{sha1}")->{status}, 400, 'unknown');
    is(patch($path, 0, $piece, 'Upload-Checksum' => "sha256 $sum{sha1}")->{status}, 400, 'too short');
    is(patch($path, 0, $piece, 'Upload-Checksum' => "sha1 $sum{sha1}")->{status}, 204, 'sha1');
    is(offset($path), length $piece, 'counts');
    my $at = length $piece;
    for my $n (5, $CHUNK, 2 * $CHUNK - 22, 1, $length) {
        my $more = substr $tar, $at, $n;
        my $sum = MIME::Base64::encode_base64(Digest::SHA::sha256($more), '');
        $res = patch($path, $at, $more, 'Upload-Checksum' => "sha256 $sum");
        $at += length $more;
        is($res->{headers}{'upload-offset'}, $at, "sha256 of $n");
    }
    is_deeply(scan_of($res->{headers}{'exposure-scan'})->{volume}, $right, 'the same volume');
};

subtest 'what is refused' => sub {
    my $path = begin(1000);
    for my $version ('', '0.2.2', '1.0.1') {
        my $res = $f->http('HEAD', $path, token => $alice,
                           headers => $version ? {'Tus-Resumable' => $version} : {});
        is($res->{status}, 412, "version '$version'");
        is($res->{headers}{'tus-version'}, '1.0.0', 'and it says which it speaks');
    }
    for my $n ('-1', 'x', '1.5', '9223372036854775808', '18446744073709551617', '0') {
        is(tus('POST', 'uploads', {'Upload-Length' => $n})->{status}, 400, "length $n");
    }
    is(tus('POST', 'uploads', {})->{status}, 400, 'no length');
    is(tus('POST', 'uploads', {'Upload-Length' => '9223372036854775807'})->{status}, 413, 'length 2^63-1');
    is(tus('POST', 'uploads', {'Upload-Length' => (4 << 30) + 1})->{status}, 413, 'over the limit');
    is(tus('POST', 'uploads', {'Upload-Defer-Length' => 1})->{status}, 400, 'a length that comes later');
    is(tus('POST', 'uploads', {'Upload-Length' => 5, 'Upload-Concat' => 'partial'})->{status}, 400, 'parts');
    for my $metadata ('title', 'title S25lZQ', ',', 'title ' . MIME::Base64::encode_base64("a\nb", ''),
                      'title ' . MIME::Base64::encode_base64("a\0b", ''),
                      'title ' . MIME::Base64::encode_base64("\xff", ''),
                      'title ' . MIME::Base64::encode_base64('x' x 201, ''), 'k' x 4097) {
        is(tus('POST', 'uploads', {'Upload-Length' => 5, 'Upload-Metadata' => $metadata})->{status}, 400,
           'metadata ' . substr $metadata, 0, 20);
    }
    for my $at ('-1', '', 'x', '0x0', '9223372036854775808', '1e1') {
        is(patch($path, $at, 'x')->{status}, 400, "offset '$at'");
    }
    is(patch($path, 1, 'x')->{status}, 409, 'another offset');
    is(patch($path, '9223372036854775807', 'x')->{status}, 409, 'offset 2^63-1');
    is(tus('PATCH', $path, {}, 'x')->{status}, 400, 'no offset');
    is(tus('PATCH', $path, {'Upload-Offset' => 0}, 'x', type => 'text/plain')->{status}, 415, 'a type');
    is(patch($path, 0, 'x' x 1001)->{status}, 413, 'more than is left');
    is(offset($path), 0, 'nothing of all this is there');
    is(tus('DELETE', $path)->{status}, 204, 'terminated');
};

subtest 'chunked, and more than it should be' => sub {
    my $path = begin(3 * $CHUNK);
    my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $f->port,
                              SSL_version => 'TLSv12', SSL_verify_mode => 0);
    local $SIG{PIPE} = 'IGNORE';
    print $s "PATCH /api/v1/$path HTTP/1.1\r\nHost: localhost\r\n"
        . "Authorization: Bearer $alice\r\nTus-Resumable: 1.0.0\r\n"
        . "Content-Type: application/offset+octet-stream\r\nConnection: close\r\n"
        . "Upload-Offset: 0\r\nTransfer-Encoding: chunked\r\n\r\n";
    print $s sprintf("%x\r\n", $CHUNK) . 'x' x $CHUNK . "\r\n" for 1 .. 4;
    print $s "0\r\n\r\n";
    like(scalar <$s>, qr/ 413 /, 'is refused');
    close $s;
    my $at = offset($path);
    cmp_ok($at, '<', 3 * $CHUNK, 'and is not whole');
    is(tus('DELETE', $path)->{status}, 204, 'terminated');
};

subtest 'whose it is' => sub {
    my $path = begin(1000);
    my $unknown = 'uploads/' . 'a' x 26;
    for my $method (qw(HEAD PATCH DELETE)) {
        my ($its, $none) = map {
            tus($method, $_, $method eq 'PATCH' ? {'Upload-Offset' => 0} : {},
                $method eq 'PATCH' ? 'x' : undef, token => $bob)
        } $path, $unknown;
        is($its->{status}, 404, "$method: another's is not there");
        is($its->{content}, $none->{content}, "$method: in the same bytes");
    }
    is($f->http('HEAD', $path, headers => {'Tus-Resumable' => '1.0.0'})->{status}, 401, 'nobody\'s');
    is(tus('DELETE', $path)->{status}, 204, 'its owner ends it');
    is(offset($path), 'HTTP 404', 'then it is gone');
    is(tus('DELETE', $path)->{status}, 404, 'for good');
};

subtest 'a client that can only POST' => sub {
    my $path = begin(1000);
    my $res = tus('POST', $path, {'X-HTTP-Method-Override' => 'PATCH', 'Upload-Offset' => 0}, 'x' x 10);
    is($res->{status}, 204, 'PATCH');
    is($res->{headers}{'upload-offset'}, 10, 'is one');
    is(tus('POST', $path, {'X-HTTP-Method-Override' => 'DELETE'})->{status}, 204, 'DELETE');
    is($f->http('POST', $path, token => $alice)->{status}, 405, 'POST alone is none');
};

subtest 'one at a time' => sub {
    my $path = begin($length);
    my $s = unfinished($path, 0, $length, substr $tar, 0, 400_000);
    Time::HiRes::sleep(0.3);
    for (1 .. 6) { # whichever nginx worker
        is(patch($path, 0, 'x')->{status}, 423, 'a second one is told to wait');
    }
    is(offset($path), $CHUNK, 'HEAD tells what is safe');
    close $s;
    Exposure::Fixture::wait_for(sub { offset($path) > $CHUNK }, 'the rest of it');
    is(offset($path), 400_000, 'a dropped connection loses no byte');
    is_deeply(scan_of(rest_of($path))->{volume}, $right, 'nor doubles one');
};

subtest 'a reload' => sub {
    my $path = begin($length);
    my $s = unfinished($path, 0, $length, substr $tar, 0, 600_000);
    Time::HiRes::sleep(0.2);
    my ($master, @before) = workers();
    kill 'HUP', $master;
    Exposure::Fixture::wait_for(sub {
        my ($m, @now) = workers();
        my %now = map { $_ => 1 } @now;
        return @now > @before || grep { !$now{$_} } @before;
    }, 'new workers');
    print $s substr $tar, 600_000, 300_000;
    close $s;
    Exposure::Fixture::wait_for(sub { offset($path) eq 900_000 }, 'what the old worker had');
    pass('what the old worker had is told by the new ones');
    is_deeply(scan_of(rest_of($path))->{volume}, $right, 'and goes on there');
};

subtest 'kill -9 of nginx workers' => sub {
    my $path = begin($length);
    is(patch($path, 0, substr $tar, 0, 1000)->{status}, 204, 'something is there');
    my $s = unfinished($path, 1000, $length - 1000, substr $tar, 1000, 1_500_000);
    Time::HiRes::sleep(0.5);
    my ($master, @workers) = workers();
    kill 'KILL', @workers;
    Exposure::Fixture::wait_for(sub { offset($path) =~ /^\d+$/ }, 'new workers');
    my $at = offset($path);
    cmp_ok($at, '>=', 1000, 'what was told is there');
    is($at, 5 * $CHUNK, 'and every whole chunk that came since');
    is_deeply(scan_of(rest_of($path))->{volume}, $right, 'the rest follows');
};

subtest 'nothing of it lies on the disk in the clear' => sub {
    my $canary = 'Planted^Name^' . join '', map { chr 97 + rand 26 } 1 .. 20;
    my $path = begin(2 * $CHUNK, 'Upload-Metadata' => 'title '
                     . MIME::Base64::encode_base64($canary, ''));
    is(patch($path, 0, $canary x 9000)->{status}, 204, 'more than a chunk');
    my $coded = substr MIME::Base64::encode_base64($canary, ''), 0, 20;
    is(system('grep', '-rqa', '-e', $canary, '-e', $coded, $f->{dir} . '/store', $f->{dir} . '/log',
              $f->{dir} . '/run') >> 8, 1, 'is found nowhere');
    is(tus('DELETE', $path)->{status}, 204, 'terminated');
};

subtest 'quota and number' => sub {
    my $user = $f->http('GET', 'users/current', token => $bob)->{json};
    my @path = map { tus('POST', 'uploads', {'Upload-Length' => 1 << 30}, undef, token => $bob) } 1 .. 64;
    is(scalar(grep { $_->{status} == 201 } @path), 50, 'as many as the quota holds');
    is($path[63]{status}, 507, 'not one more');
    for (@path[0 .. 49]) {
        my ($p) = $_->{headers}{location} =~ m{/api/v1/(.*)};
        tus('DELETE', $p, {}, undef, token => $bob);
    }
    is($f->http('GET', 'users/current', token => $bob)->{json}{used_bytes}, $user->{used_bytes},
       'what is terminated is given back');
    @path = map { tus('POST', 'uploads', {'Upload-Length' => 1}, undef, token => $bob) } 1 .. 65;
    is(scalar(grep { $_->{status} == 201 } @path), 64, 'sixty-four at a time');
    is($path[64]{status}, 409, 'not one more');
};

subtest 'what expires' => sub {
    $f->stop_nginx;
    $f->start_nginx(workers => 1, http => 'exposure_upload_expires 4s;');
    my $before = blobs();
    my $path = begin(1000);
    is(blobs(), $before + 1, 'a file is there');
    Time::HiRes::sleep(2.5);
    is(patch($path, 0, 'x')->{status}, 204, 'each piece prolongs it');
    Time::HiRes::sleep(2.5);
    is(offset($path), 1, 'it is there');
    Time::HiRes::sleep(2.5);
    is(offset($path), 'HTTP 410', 'until it is gone');
    is(patch($path, 1, 'x')->{status}, 410, 'for every request');
    Exposure::Fixture::command($f->admin, 'gc', '--data', "$f->{dir}/store");
    is(offset($path), 'HTTP 404', 'then forgotten');
    cmp_ok(blobs(), '<=', $before, 'with its file');
    is(system($f->admin . " fsck --data $f->{dir}/store >/dev/null"), 0, 'and the store is clean');
};

unlike($f->error_log, qr/\[(alert|crit|emerg)\](?!.*signal 9)/, 'nothing alarming in the log');

done_testing();
