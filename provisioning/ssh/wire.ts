/** Reads the data types of RFC 4251, 5. What is cut short throws `Malformed`, whoever wrote it. */
export class WireReader {
  readonly #data: Buffer;
  at = 0;
  constructor(data: Buffer) {
    this.#data = data;
  }
  #take(length: number): Buffer {
    if (length > this.#data.length - this.at) throw new Malformed();
    this.at += length;
    return this.#data.subarray(this.at - length, this.at);
  }
  bytes(length: number): Buffer {
    return this.#take(length);
  }
  uint32(): number {
    return this.#take(4).readUInt32BE(0);
  }
  uint64(): bigint {
    return this.#take(8).readBigUInt64BE(0);
  }
  string(): Buffer {
    return this.#take(this.uint32());
  }
  text(): string {
    return this.string().toString('utf8');
  }
  get done(): boolean {
    return this.at === this.#data.length;
  }
}

export class Malformed extends Error {
  override readonly name = 'Malformed';
  constructor() {
    super('it ends before it should');
  }
}

export const wireString = (data: Buffer | string): Buffer => {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
