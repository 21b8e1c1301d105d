/** Writes small ONNX models as bytes (protobuf, by onnx.proto of ONNX 1.7, opset 13), so that tests need no file that nobody can read. */

const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]);
const number = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)];
const bytes = (field: number, value: number[]): number[] => [...varint(field * 8 + 2), ...varint(value.length), ...value];
const text = (field: number, value: string): number[] => bytes(field, [...new TextEncoder().encode(value)]);

const float = 1;
const int64 = 7;
const bool = 9;

/** TensorProto with raw data, little endian. */
function tensor(name: string, dims: number[], type: number, data: ArrayLike<number> & ArrayBufferView): number[] {
  const raw = [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
  return [...dims.flatMap((dim) => number(1, dim)), ...number(2, type), ...text(8, name), ...bytes(9, raw)];
}
function valueInfo(name: string, dims: number[], type = float): number[] {
  const shape = dims.flatMap((dim) => bytes(1, number(1, dim)));
  return [...text(1, name), ...bytes(2, bytes(1, [...number(1, type), ...bytes(2, shape)]))];
}
const attribute = (name: string, type: number, field: number, value: number[]): number[] =>
  bytes(5, [...text(1, name), ...bytes(field, value), ...number(20, type)]);
const node = (type: string, inputs: string[], outputs: string[], attributes: number[] = []): number[] => [
  ...inputs.flatMap((name) => text(1, name)),
  ...outputs.flatMap((name) => text(2, name)),
  ...text(4, type),
  ...attributes,
];
const graph = (nodes: number[][], tensors: number[][], inputs: number[][], outputs: number[][]): number[] => [
  ...nodes.flatMap((one) => bytes(1, one)),
  ...text(2, 'graph'),
  ...tensors.flatMap((one) => bytes(5, one)),
  ...inputs.flatMap((one) => bytes(11, one)),
  ...outputs.flatMap((one) => bytes(12, one)),
];
const model = (of: number[]): Uint8Array =>
  Uint8Array.from([...number(1, 7), ...bytes(7, of), ...bytes(8, [...text(1, ''), ...number(2, 13)])]);

/** y = x · weights + bias, x of shape [1, n]. */
export const linearModel = (weights: number[], bias: number): Uint8Array =>
  model(
    graph(
      [node('MatMul', ['x', 'w'], ['product']), node('Add', ['product', 'b'], ['y'])],
      [tensor('w', [weights.length, 1], float, Float32Array.from(weights)), tensor('b', [1], float, Float32Array.from([bias]))],
      [valueInfo('x', [1, weights.length])],
      [valueInfo('y', [1, 1])],
    ),
  );

const scalar = (name: string, value: number): number[] => tensor(name, [], int64, new BigInt64Array([BigInt(value)]) as never);

/** A model that goes through a loop of 10¹² rounds: it never answers. */
export function endlessModel(): Uint8Array {
  const body = graph(
    [node('Identity', ['go'], ['goOn']), node('Add', ['state', 'x'], ['next'])],
    [],
    [valueInfo('round', [], int64), valueInfo('go', [], bool), valueInfo('state', [1, 1])],
    [valueInfo('goOn', [], bool), valueInfo('next', [1, 1])],
  );
  return model(
    graph(
      [node('Loop', ['rounds', 'begin', 'x'], ['y'], attribute('body', 5, 6, body))],
      [scalar('rounds', 1e12), tensor('begin', [], bool, Uint8Array.of(1))],
      [valueInfo('x', [1, 1])],
      [valueInfo('y', [1, 1])],
    ),
  );
}

/** A model of a few bytes whose answer would take 4 GB, times its input. */
export const greedyModel = (): Uint8Array =>
  model(
    graph(
      [node('Expand', ['x', 'shape'], ['large']), node('Exp', ['large'], ['larger']), node('ReduceSum', ['larger'], ['y'])],
      [tensor('shape', [2], int64, new BigInt64Array([32768n, 32768n]) as never)],
      [valueInfo('x', [1, 1])],
      [valueInfo('y', [1, 1])],
    ),
  );
