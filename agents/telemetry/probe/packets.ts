/** Probes over UDP: answered with as many bytes as were sent, so that nobody can use an answer as a lever. */
const magic = Buffer.from('MLSprobe');
export const packetBytes = 64;
const ask = 1;
const reply = 2;

/** @param id which probe of this sender it is, to know its answer by */
export function probePacket(id: number): Buffer {
  const packet = Buffer.alloc(packetBytes);
  magic.copy(packet);
  packet[magic.length] = ask;
  packet.writeUInt32BE(id, magic.length + 1);
  return packet;
}

/** The answer to a probe; undefined to anything else. */
export function answerTo(packet: Buffer): Buffer | undefined {
  if (!isOurs(packet, ask)) return undefined;
  const answer = Buffer.from(packet);
  answer[magic.length] = reply;
  return answer;
}

/** Which probe is answered by it; undefined when it is no answer. */
export const answeredBy = (packet: Buffer): number | undefined =>
  isOurs(packet, reply) ? packet.readUInt32BE(magic.length + 1) : undefined;

const isOurs = (packet: Buffer, kind: number): boolean =>
  packet.length === packetBytes && packet.subarray(0, magic.length).equals(magic) && packet[magic.length] === kind;
