import { stopFile } from '../../ssh/execute.ts';
import { quote } from '../../ssh/quote.ts';
import type { WayAnswer } from './reachability-value.ts';
import type { Way } from './ways.ts';

/**
 * What runs on a host to find out which ways are open. In Perl, which every Debian has in its smallest form (perl-base), and which needs no program for each
 * connection. Values are arguments of numbers and addresses alone.
 */

/** A listener ends by itself after so long, whatever becomes of us: forty hosts on a busy computer take more than a quarter of a minute. */
const listenS = 60;
/** Long enough for one packet to be lost: TCP tries again after 1 s. */
const connectS = 2.5;

const perl = (program: string, values: string[]): string =>
  `command -v perl >/dev/null || { echo 'untestable there is no perl on the host'; exit 0; }
exec perl -e ${quote(program)} -- ${values.map(quote).join(' ')}`;

/** Numbers of Linux in place of Perl's modules for them, which take five times as long to load as all else here. The same on every Linux but MIPS and SPARC. */
const linux = `
my ($AF_INET, $STREAM, $DGRAM, $SOL_SOCKET, $SO_REUSEADDR, $SO_ERROR) = (2, 1, 2, 1, 2, 4);
my ($F_GETFL, $F_SETFL, $O_NONBLOCK, $EINPROGRESS, $ECONNREFUSED) = (3, 4, 2048, 115, 111);
sub place { my ($port, $ip) = @_; pack("S n a4 x8", $AF_INET, $port, $ip) }`;

// The kernel completes TCP's handshake by itself: nothing is ever accepted or read. Datagrams are sent back.
const listener = `${linux}
$| = 1; $SIG{TERM} = sub { exit 0 }; alarm ${listenS}; $SIG{ALRM} = sub { exit 0 };
my $stop = shift @ARGV; my (@kept, @datagrams);
for my $wanted (@ARGV) {
  my ($protocol, $port) = split m{/}, $wanted;
  my $udp = $protocol eq "udp";
  socket(my $socket, $AF_INET, $udp ? $DGRAM : $STREAM, 0) or next;
  setsockopt($socket, $SOL_SOCKET, $SO_REUSEADDR, 1) unless $udp;
  next unless bind($socket, place($port, "\\0\\0\\0\\0")) && ($udp || listen($socket, 128));
  push @kept, $socket; push @datagrams, $socket if $udp;
}
print "ready $$\\n";
until (-e $stop) {
  my $bits = ""; vec($bits, fileno($_), 1) = 1 for @datagrams;
  next unless select($bits, undef, undef, 0.2) > 0;
  for my $socket (grep { vec($bits, fileno($_), 1) } @datagrams) {
    my $peer = recv($socket, my $data, 64, 0); send($socket, $data, 0, $peer) if $peer;
  }
}`;

/** Listens on the ports that nobody holds yet; says "ready <pid>" when it does. Ends by TERM, with the run, or after a minute. */
export const listenScript = (ways: readonly Way[], mark: string): string =>
  perl(listener, [stopFile(mark), ...new Set(ways.map(({ protocol, port }) => `${protocol}/${port}`))]);

const connector = `${linux}
$| = 1; my %open; my $left = ${connectS}; my $again = $left - 1;
sub say_it { my ($index, $answer, $detail) = @_; delete $open{$index}; print "reach $index $answer $detail\\n" }
sub failed { my ($index, $error) = @_; local $! = $error; say_it($index, $error == $ECONNREFUSED ? "refused" : "unreachable", "$!") }
for my $index (0 .. $#ARGV) {
  my ($protocol, $address, $port) = split m{/}, $ARGV[$index];
  my $ip = gethostbyname($address) or do { say_it($index, "unreachable", "its name cannot be resolved"); next };
  my $udp = $protocol eq "udp";
  socket(my $socket, $AF_INET, $udp ? $DGRAM : $STREAM, 0) or do { failed($index, $!+0); next };
  fcntl($socket, $F_SETFL, fcntl($socket, $F_GETFL, 0) | $O_NONBLOCK);
  $open{$index} = [$socket, $udp];
  if (connect($socket, place($port, $ip))) { if ($udp) { send($socket, "m", 0) } else { say_it($index, "open", "") } }
  elsif ($! != $EINPROGRESS) { failed($index, $!+0) }
}
while (%open && $left > 0) {
  my ($read, $write) = ("", "");
  for (values %open) { if ($_->[1]) { vec($read, fileno($_->[0]), 1) = 1 } else { vec($write, fileno($_->[0]), 1) = 1 } }
  my $slice = $left < 0.5 ? $left : 0.5;
  my ($found, $rest) = select($read, $write, undef, $slice);
  $left -= $slice - ($rest // 0);
  if ($again > 0 && $left < $again) { $again = 0; for (values %open) { send($_->[0], "m", 0) if $_->[1] } }
  next unless $found > 0;
  for my $index (keys %open) {
    my ($socket, $udp) = @{ $open{$index} };
    if ($udp) {
      next unless vec($read, fileno($socket), 1);
      if (defined recv($socket, my $data, 64, 0)) { say_it($index, "open", "") } else { failed($index, $!+0) }
    } elsif (vec($write, fileno($socket), 1)) {
      my $error = unpack("i", getsockopt($socket, $SOL_SOCKET, $SO_ERROR));
      if ($error) { failed($index, $error) } else { say_it($index, "open", "") }
    }
  }
}
say_it($_, "silent", "") for keys %open;`;

/** Tries all ways of one host at once, in 2.5 s at most; says "reach <index> <answer> <detail>". */
export const connectScript = (ways: readonly Way[]): string =>
  perl(
    connector,
    ways.map(({ protocol, address, port }) => `${protocol}/${address}/${port}`),
  );

const answers = new Set<string>(['open', 'silent', 'refused', 'unreachable'] satisfies WayAnswer['answer'][]);

/** What a host said of its ways; one that it said nothing of is untried. */
export function parseAnswers(ways: readonly Way[], stdout: string): WayAnswer[] {
  const said = new Map<number, Pick<WayAnswer, 'answer' | 'detail'>>();
  let reason = 'the host did not say';
  for (const line of stdout.split('\n')) {
    const [word, index, answer = '', ...detail] = line.split(' ');
    if (word === 'untestable') reason = line.slice('untestable '.length);
    if (word !== 'reach' || !answers.has(answer)) continue;
    said.set(Number(index), {
      answer: answer as WayAnswer['answer'],
      ...(detail.join(' ') ? { detail: detail.join(' ').slice(0, 200) } : {}),
    });
  }
  return ways.map((way, index) => ({ ...way, ...(said.get(index) ?? { answer: 'untried', detail: reason }) }));
}
