# What the operator's tool changes while nginx runs: who is disabled or erased,
# and whose scan is, sees nothing more a few seconds later.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use Exposure::WebSocket;
use Test::More;
use Time::HiRes ();

my $LIMIT_S = 7; # asked every 5 s

my $f = Exposure::Fixture->new(slots => 2);
$f->start_nginx(workers => 2, grace => '300ms');
my %token = map { $_ => $f->account_token($_) } qw(alice bob);

sub admin {
    return Exposure::Fixture::command($f->admin, @_, '--data', $f->dir . '/store', '--keys', $f->dir . '/keys');
}

sub websocket {
    my ($who, $path, %first) = @_;
    my $ws = Exposure::WebSocket->new(port => $f->port, tls => 1, path => "/api/v1/$path");
    $ws->send_json({type => 'authenticate', token => $token{$who}, %first});
    return $ws;
}

# A session, and a viewer of it.
sub look_at {
    my ($who, $scan) = @_;
    my $execute = websocket($who, "scans/$scan/execute");
    my $session = $execute->expect('assigned')->{session};
    my $connect = websocket($who, 'connect', session => $session);
    $connect->expect('welcome');
    return ($execute, $connect);
}

sub ends {
    my ($codes, @ws) = @_;
    my $since = Time::HiRes::time();
    my @codes;

    for my $ws (@ws) {
        while (my $m = $ws->receive($LIMIT_S)) {
            next if $m->{op} ne 'close';
            push @codes, $m->{code};
            last;
        }
    }
    is("@codes", $codes, 'both sockets are closed');
    cmp_ok(Time::HiRes::time() - $since, '<', $LIMIT_S, 'soon');
}

my $scan = $f->upload_phantom($token{alice});
my $invitation = $f->http('POST', "scans/$scan/invitations", token => $token{alice}, content => {role => 'viewer'})->{json};
$f->http('POST', 'invitations/redeem', token => $token{bob},
         content => {id => $invitation->{id}, secret => $invitation->{secret}});

subtest 'who is disabled' => sub {
    my ($alices) = look_at('alice', $scan);
    my @bobs = look_at('bob', $scan);

    admin('user', 'disable', 'bob');
    $bobs[1]->send_json({type => 'authenticate', token => $token{bob}}); # which prolongs nothing
    ends('4403 4403', @bobs);
    is(websocket('bob', "scans/$scan/execute")->expect_close, 4404, 'and nothing is opened anew');

    admin('user', 'enable', 'bob');
    my ($again) = look_at('bob', $scan);
    $again->close_with(1000);
    $alices->send_json({type => 'authenticate', token => $token{alice}});
    ok(!$alices->receive(1), "the others' sessions go on");
    $alices->close_with(1000);
};

subtest 'who has another name now' => sub {
    my @bobs = look_at('bob', $scan);

    is($f->http('POST', 'users/current/identity', token => $f->token('carol'),
                content => {token => $token{bob}})->{status}, 204, 'all is taken along');
    ends('4403 4403', @bobs);
};

subtest 'whose scan is erased, and who is' => sub {
    my $other = $f->upload_phantom($token{alice});
    my @one = look_at('alice', $scan);

    admin('erase', 'scan', $scan);
    ends('1000 4404', @one);

    @one = look_at('alice', $other);
    admin('erase', 'user', 'alice');
    ends('1000 4404', @one);
};

unlike($f->error_log, qr/\[(alert|crit|emerg)\]/, 'nothing alarming in the log');
done_testing();
