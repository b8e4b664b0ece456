# Built-in accounts: made by invitation, another password, the recovery code;
# what is guessed at them, and what an old token is worth.

use strict;
use warnings;

BEGIN { push @INC, 't/lib' }
use Exposure::Fixture;
use HTTP::Tiny ();
use JSON::PP ();
use Test::More;

my $f = Exposure::Fixture->new;
$f->start_nginx;

my $from = 10; # of 127.0.0.N: each call is somebody else's
sub post {
    my ($path, $body, %arg) = @_;
    my $address = '127.0.0.' . ($arg{from} || $from++);
    my $res;

    # two at a time may hash in a worker; whoever is third comes again
    for (1 .. 20) {
        $res = HTTP::Tiny->new(verify_SSL => 0, local_address => $address)
            ->post('https://127.0.0.1:' . $f->port . "/api/v1/accounts/$path",
                   {headers => {'Content-Type' => 'application/json',
                                $arg{token} ? (Authorization => "Bearer $arg{token}") : ()},
                    content => JSON::PP::encode_json($body)});
        last if $res->{status} != 503;
        sleep 1;
    }
    $res->{json} = eval { JSON::PP::decode_json($res->{content}) };
    return $res;
}

sub id { return $f->http('GET', 'users/current', token => $_[0])->{json}{id} }

my @store = ('--data', "$f->{dir}/store", '--keys', "$f->{dir}/keys");
sub admin { return Exposure::Fixture::command($f->admin, @_, @store) }

# --- an account by invitation --------------------------------------------------------------

chomp(my $secret = admin('user', 'invite'));
my %carol = (secret => $secret, name => 'carol', password => 'a password of hers');

is(post('enrol', {%carol, password => 'too short'})->{status}, 400, 'a password has a length');
is(post('enrol', {%carol, name => 'Carol Smith'})->{status}, 400, 'a name has no spaces');
is(post('enrol', {%carol, more => 1})->{status}, 400, 'and nothing else is asked for');
is(post('enrol', {%carol, name => 'alice'})->{status}, 409, 'a name that is taken');
my $enrolled = post('enrol', \%carol);
is($enrolled->{status}, 201, 'leaves the link as it was');
my $token = $enrolled->{json}{access_token};
my $code = $enrolled->{json}{recovery_code};
like($code, qr/^(?:[a-z2-7]{5}-){4}[a-z2-7]{6}$/, 'a recovery code is shown');
my $who = id($token);
ok($who, 'and one is signed in');
my $again = post('enrol', {%carol, name => 'dave'});
is($again->{status}, 401, 'the link works once');
is(post('enrol', {%carol, name => 'dave', secret => 'a' x 26})->{content}, $again->{content},
   'a made-up secret gets the same answer');
is(post('enrol', {%carol, name => 'dave', secret => 'no'})->{content}, $again->{content},
   'and so does none');
is(id(post('login', {name => 'Carol', password => $carol{password}})->{json}{access_token}),
   $who, 'signing in is the same person');

# --- another password ------------------------------------------------------------------------

sleep 1; # tokens are dated in seconds
my $old = $token;
is(post('password', {old => 'not hers at all', password => 'another one of hers'},
        token => $token)->{status}, 403, 'a wrong old password');
is(post('password', {old => $carol{password}, password => 'short'}, token => $token)->{status},
   400, 'a short new one');
is(post('password', {old => $carol{password}, password => 'another one of hers'})->{status},
   401, 'nobody without a token');
my $changed = post('password', {old => $carol{password}, password => 'another one of hers'},
                   token => $token);
is($changed->{status}, 200, 'a new password');
$token = $changed->{json}{access_token};
is(id($token), $who, 'the same person');
is(post('login', {name => 'carol', password => $carol{password}})->{status}, 401,
   'the old one signs nobody in');
is($f->http('POST', 'accounts/renew', token => $old)->{status}, 403,
   'a token from before is not renewed');
is($f->http('POST', 'accounts/renew', token => $token)->{status}, 200, 'the new one is');

# --- the recovery code --------------------------------------------------------------------------

my $wrong = post('recover', {name => 'carol', code => 'a' x 26, password => 'a third of hers'});
is($wrong->{status}, 401, 'a wrong code');
is(post('recover', {name => 'nobody', code => $code, password => 'a third of hers'})->{content},
   $wrong->{content}, 'a name that there is not gets the same answer');
is(post('recover', {name => 'bob', code => $code, password => 'a third of hers'})->{content},
   $wrong->{content}, 'and so does one without a code');
my $recovered = post('recover', {name => 'CAROL', code => uc $code,
                                 password => 'a third of hers'});
is($recovered->{status}, 200, 'the code sets a password');
is(id($recovered->{json}{access_token}), $who, 'of the same person');
isnt($recovered->{json}{recovery_code}, $code, 'there is another code now');
is(post('recover', {name => 'carol', code => $code, password => 'a fourth of hers'})->{status},
   401, 'and the used one is worth nothing');
is(post('login', {name => 'carol', password => 'a third of hers'})->{status}, 200,
   'the new password signs in');

$token = $recovered->{json}{access_token};
is(post('recovery', {password => 'not hers at all'}, token => $token)->{status}, 403,
   'another code needs the password');
my $second = post('recovery', {password => 'a third of hers'}, token => $token)
    ->{json}{recovery_code};
is(post('recover', {name => 'carol', code => $recovered->{json}{recovery_code},
                    password => 'a fourth of hers'})->{status}, 401, 'it replaces the one before');
my $bob = post('recovery', {password => $f->{password}{bob}}, token => $f->account_token('bob'));
is(post('recover', {name => 'bob', code => $bob->{json}{recovery_code},
                    password => 'now a new one'})->{status}, 200,
   'who was made without a code gets one');

# --- disabled, and guessed at -----------------------------------------------------------------------

admin('user', 'disable', 'carol');
is(post('recover', {name => 'carol', code => $second, password => 'a fourth of hers'})->{content},
   $wrong->{content}, 'the code of a disabled account is worth nothing');
is($f->http('GET', 'scans', token => $token)->{status}, 403, 'nor is its token');
admin('user', 'enable', 'carol');

is(join(' ', map { post($_, {secret => 'a' x 26, name => "n$_", password => 'x' x 12},
                        from => 9)->{status} } ('enrol') x 6),
   '401 401 401 401 401 429', 'five made-up links a minute from an address');
is(join(' ', map { post('recover', {name => 'frank', code => 'a' x 26, password => 'x' x 12})
                   ->{status} } 1 .. 6),
   '401 401 401 401 401 429', 'five codes a minute at an account');
my $alice = $f->account_token('alice');
is(join(' ', map { post('password', {old => "wrong $_ wrong", password => 'x' x 12},
                        token => $alice)->{status} } 1 .. 6),
   '403 403 403 403 403 429', 'five old passwords a minute with a token');

unlike($f->error_log, qr/\[(alert|crit|emerg)\]/, 'nothing alarming in the log');
unlike($f->error_log, qr/\Q$code\E|\Q$secret\E|of hers/, 'and nothing secret');

done_testing();
