#!/usr/bin/perl
# Perl's Mojolicious, which has no keepalive; see README.md. This one pings, and ends what does not
# answer.
use Mojo::Base -strict, -signatures;
use Mojo::Promise;
use Mojo::IOLoop;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;

my ($url, $fallback, $user, $peer, $idle, $keepalive) = @ARGV;
my $BODY = do { use utf8; 'grüße, 世界 😀 ' x 2858 };    # A good 60,000 bytes of UTF-8.
my $ATTEMPTS = 30;
my $agent = Mojo::UserAgent->new(inactivity_timeout => 0);

sub step ($name, %more) {
    $| = 1;
    print encode_json({step => $name, %more}), "\n";
}

# Runs the event loop until something has come, or so many seconds have passed.
sub next_event ($session, $seconds = undef) {
    my $late;
    my $timer = $seconds && Mojo::IOLoop->timer($seconds => sub { $late = 1 });
    Mojo::IOLoop->one_tick until $late || @{$session->{events}};
    Mojo::IOLoop->remove($timer) if $timer;
    return shift @{$session->{events}};
}

sub connect_to ($url) {
    my ($session, $refused) = {events => []};
    my $opened;
    $agent->websocket($url => sub ($agent, $tx) {
        $opened = 1;
        return $refused = $tx->res unless $tx->is_websocket;
        $tx->max_websocket_size(1_000_000);
        my ($alive, $beat) = 1;
        $beat = Mojo::IOLoop->recurring($keepalive => sub {
            return $tx->finish(1011 => 'no pong') unless $alive;
            $alive = 0;
            $tx->send([1, 0, 0, 0, 9, 'ping']);
        });
        $tx->on(frame => sub ($tx, $frame) { $alive = 1 if $frame->[4] == 10 });
        $tx->on(message => sub ($tx, $text) {
            push @{$session->{events}}, decode_json(Mojo::Util::encode('UTF-8', $text));
        });
        $tx->on(finish => sub ($tx, $code, $reason = '') {
            Mojo::IOLoop->remove($beat);
            push @{$session->{events}}, {type => 'closed', code => $code, reason => $reason};
        });
        $session->{tx} = $tx;
    });
    Mojo::IOLoop->one_tick until $opened;
    return ($session, $refused);
}

sub send_json ($session, $frame) {
    $session->{tx}->send(Mojo::Util::decode('UTF-8', encode_json($frame)));
}

sub login ($session) {
    send_json($session, {type => 'login', user => $user});
    my $welcome = next_event($session);
    die encode_json($welcome) unless $welcome->{type} eq 'welcome';
    step('welcome', node => $welcome->{node});
}

sub send_and_receive ($session) {
    send_json($session, {type => 'send', id => 'c-1', to => $peer, body => $BODY});
    my %kinds = map { my $frame = next_event($session); ($frame->{type} => $frame) } 1, 2;
    die encode_json(\%kinds) unless ($kinds{receipt}{outcome} // '') eq 'delivered';
    die 'the body came back changed' unless $kinds{message}{body} eq $BODY;
    step('delivered', bytes => length Mojo::Util::encode('UTF-8', $kinds{message}{body}));
}

sub reconnect ($url) {
    for (1 .. $ATTEMPTS) {
        my ($session, $refused) = connect_to($url);
        return $session unless $refused;
        die 'no answer' unless $refused->code;
        my $after = $refused->headers->header('Retry-After');
        my $nodes = $refused->json->{nodes};
        step('refused', status => 0 + $refused->code, retry_after => $after, nodes => $nodes);
        $url = $nodes->[0] // $url;
        sleep $after;
    }
    die 'refused every time';
}

my ($session) = connect_to($url);
login($session);
my $early = next_event($session, $idle);
die encode_json($early) if $early;
step('idle');
send_and_receive($session);
my $closed = next_event($session);
die encode_json($closed) unless $closed->{type} eq 'closed';
step('closed', code => $closed->{code}, reason => $closed->{reason});
select undef, undef, undef, $closed->{reason} =~ s/retry_ms=//r / 1000;
$session = reconnect($fallback);
login($session);
send_and_receive($session);
$session->{tx}->finish(1000);
my $end = next_event($session);
die encode_json($end) unless $end->{type} eq 'closed' && $end->{code} == 1000;
step('done');
