import { Rate } from '../rate.ts';
import { parseNetworkDevices } from './proc.ts';
import { type Place, type Reader, samplesOf } from './reader.ts';

/** network_{receive,transmit}_bytes_per_second and network_dropped_packets_per_second. Interfaces are of the network namespace: in a container too they are the host's own. */
export class NetworkReader implements Reader {
  readonly #place: Place;
  readonly #received = new Rate();
  readonly #sent = new Rate();
  readonly #dropped = new Rate();

  constructor(place: Place) {
    this.#place = place;
  }

  read(atMs: number) {
    const text = this.#place.files.read('/proc/net/dev');
    if (text === undefined) return [];
    const { received, sent, dropped } = parseNetworkDevices(text);
    return samplesOf({
      network_receive_bytes_per_second: this.#received.next(received, atMs),
      network_transmit_bytes_per_second: this.#sent.next(sent, atMs),
      network_dropped_packets_per_second: this.#dropped.next(dropped, atMs),
    });
  }
}
