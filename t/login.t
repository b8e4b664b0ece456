# Guessing passwords: tries count by account, however its name is written, and
# by address; and an account that is disabled is out at once.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use HTTP::Tiny ();
use JSON::PP ();
use Test::More;

my $f = Exposure::Fixture->new;
$f->start_nginx;

# The status of a sign-in from 127.0.0.N.
sub sign_in {
    my ($n, $name, $password) = @_;

    my $res = HTTP::Tiny->new(verify_SSL => 0, local_address => "127.0.0.$n")
        ->post('https://127.0.0.1:' . $f->port . '/api/v1/accounts/login',
               {headers => {'Content-Type' => 'application/json'},
                content => JSON::PP::encode_json({name => $name,
                                                  password => $password})});
    return $res->{status};
}

my %right = %{$f->{password}};
my $n = 10;

is(join(' ', map { sign_in($n++, $_, 'wrong wrong') }
             qw(alice Alice ALICE aLICE alicE)), '401 401 401 401 401',
   'five wrong guesses of one account, from five addresses');
is(sign_in($n++, 'alIce', $right{alice}), 429,
   'the sixth waits, with the right password and another spelling');

is(join(' ', map { sign_in(50, "nobody$_", 'wrong wrong') } 1 .. 5),
   '401 401 401 401 401', 'five wrong guesses from one address');
is(join(' ', map { sign_in(50, 'bob', 'wrong wrong') } 1 .. 6),
   '429 429 429 429 429 429', 'the address waits');
is(sign_in(51, 'bob', $right{bob}), 200,
   'which has used up nothing of the account it went on with');

my $token = $f->account_token('bob');
my $admin = ($ENV{EXPOSURE_BUILD} || 'build') . '/exposure-admin';
my $disable = sub {
    Exposure::Fixture::command($admin, 'user', $_[0], 'bob',
        '--data', "$f->{dir}/store", '--keys', "$f->{dir}/keys");
};

is($f->http('GET', 'scans', token => $token)->{status}, 200,
   'an account has its scans');
$disable->('disable');
is(join(' ', map { $f->http(@$_, token => $token)->{status} }
             ['GET', 'scans'], ['GET', 'users/current'],
             ['POST', 'accounts/renew'],
             ['POST', 'scans', content => 'x' x 1024,
              type => 'application/x-tar']), '403 403 403 403',
   'disabled, its token opens nothing any more');
is($f->http('POST', 'users/current/identity', token => $f->token('carol'),
            content => {token => $token})->{status}, 403,
   'nor is anything taken along under another name');
$disable->('enable');
is($f->http('GET', 'scans', token => $token)->{status}, 200,
   'enabled again, it does');
is($f->http('POST', 'users/current/identity', token => $f->account_token('alice'),
            content => {token => $token})->{status}, 204,
   'then what one account has can be taken along by another');

unlike($f->error_log, qr/\[(alert|crit|emerg)\]/, 'nothing alarming in the log');

done_testing();
