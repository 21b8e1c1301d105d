/**
 * The part of Protocol Buffers' wire format (https://protobuf.dev/programming-guides/encoding) that OTLP metrics need, driven by tables: reading to and writing
 * from the shape that OTLP's JSON has. 64-bit integers become numbers, exact up to 2^53.
 */
type Scalar = 'string' | 'double' | 'fixed64' | 'sfixed64' | 'varint' | 'sint32' | 'bool';
export interface Field {
  name: string;
  type: Scalar | (() => MessageType);
  repeated?: true;
}
/** Fields by their number. */
export type MessageType = Record<number, Field>;
export type Message = { [name: string]: Value | Value[] };
type Value = string | number | boolean | Message;

/** Bytes that are no such message. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

const varint = 0;
const eightBytes = 1;
const delimited = 2;
const fourBytes = 5;

/** @throws WireError on bytes that end early or make no sense; fields that the table has not are passed over */
export function decodeMessage(type: MessageType, bytes: Buffer): Message {
  const message: Message = {};
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    at = tag.next;
    const wireType = tag.value % 8;
    const field = type[Math.floor(tag.value / 8)];
    const content = contentAt(bytes, at, wireType);
    at = content.next;
    if (field === undefined) continue;
    if (typeof field.type === 'function') {
      if (wireType !== delimited) throw new WireError(`${field.name} is no message`);
      put(message, field, decodeMessage(field.type(), content.bytes));
    } else if (field.type === 'string') {
      if (wireType !== delimited) throw new WireError(`${field.name} is no text`);
      put(message, field, content.bytes.toString('utf8'));
    } else if (wireType === delimited && field.repeated) {
      for (let inside = 0; inside < content.bytes.length; ) {
        const one = contentAt(content.bytes, inside, wireTypeOf(field.type));
        inside = one.next;
        put(message, field, scalarOf(field.type, one.bytes, one.number));
      }
    } else {
      if (wireType !== wireTypeOf(field.type)) throw new WireError(`${field.name} has wire type ${wireType}`);
      put(message, field, scalarOf(field.type, content.bytes, content.number));
    }
  }
  return message;
}

/** The bytes of a message; names that the table has not are left out. */
export function encodeMessage(type: MessageType, message: Message): Buffer {
  const parts: Buffer[] = [];
  for (const [number, field] of Object.entries(type)) {
    const given = message[field.name];
    if (given === undefined) continue;
    for (const value of Array.isArray(given) ? given : [given]) {
      const wireType = typeof field.type === 'function' || field.type === 'string' ? delimited : wireTypeOf(field.type);
      parts.push(writeVarint(Number(number) * 8 + wireType));
      if (typeof field.type === 'function' || field.type === 'string') {
        const bytes =
          typeof field.type === 'function' ? encodeMessage(field.type(), value as Message) : Buffer.from(String(value));
        parts.push(writeVarint(bytes.length), bytes);
      } else parts.push(writeScalar(field.type, Number(value)));
    }
  }
  return Buffer.concat(parts);
}

function put(message: Message, { name, repeated }: Field, value: Value): void {
  if (!repeated) message[name] = value;
  else {
    const values = message[name];
    if (Array.isArray(values)) values.push(value);
    else message[name] = [value];
  }
}

const wireTypeOf = (type: Scalar): number => {
  if (type === 'double' || type === 'fixed64' || type === 'sfixed64') return eightBytes;
  return type === 'string' ? delimited : varint;
};

/** One field's content; for a varint its number. */
function contentAt(bytes: Buffer, at: number, wireType: number): { bytes: Buffer; number: number; next: number } {
  if (wireType === varint) {
    const { value, next } = readVarint(bytes, at);
    return { bytes: bytes.subarray(at, next), number: value, next };
  }
  let from = at;
  let length = wireType === eightBytes ? 8 : wireType === fourBytes ? 4 : -1;
  if (wireType === delimited) {
    const told = readVarint(bytes, at);
    length = told.value;
    from = told.next;
  }
  if (length < 0) throw new WireError(`there is no wire type ${wireType}`);
  if (from + length > bytes.length) throw new WireError('the message ends early');
  return { bytes: bytes.subarray(from, from + length), number: 0, next: from + length };
}

function scalarOf(type: Exclude<Scalar, 'string'>, bytes: Buffer, number: number): number | boolean {
  if (type === 'double') return bytes.readDoubleLE();
  if (type === 'fixed64') return Number(bytes.readBigUInt64LE());
  if (type === 'sfixed64') return Number(bytes.readBigInt64LE());
  if (type === 'bool') return number !== 0;
  return type === 'sint32' ? (number % 2 === 0 ? number / 2 : -(number + 1) / 2) : number;
}

function writeScalar(type: Exclude<Scalar, 'string'>, value: number): Buffer {
  if (type === 'bool') return writeVarint(value ? 1 : 0);
  if (type === 'varint') return writeVarint(value);
  if (type === 'sint32') return writeVarint(value >= 0 ? value * 2 : -value * 2 - 1);
  const bytes = Buffer.alloc(8);
  if (type === 'double') bytes.writeDoubleLE(value);
  else if (type === 'fixed64') bytes.writeBigUInt64LE(BigInt(Math.round(value)));
  else bytes.writeBigInt64LE(BigInt(Math.round(value)));
  return bytes;
}

/** By multiplication: bits beyond 32 would be lost by shifting. */
function readVarint(bytes: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  let factor = 1;
  for (let index = at; index < at + 10; index++) {
    const byte = bytes[index];
    if (byte === undefined) throw new WireError('the message ends early');
    value += (byte % 128) * factor;
    if (byte < 128) return { value, next: index + 1 };
    factor *= 128;
  }
  throw new WireError('a number is longer than 64 bits');
}

function writeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left >= 128) {
    bytes.push((left % 128) + 128);
    left = Math.floor(left / 128);
  }
  bytes.push(left);
  return Buffer.from(bytes);
}
