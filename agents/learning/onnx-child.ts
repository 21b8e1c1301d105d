/**
 * Runs in a process of its own: loads the model at its first message, then answers each further one. Text rather than a file, so that a bundled
 * agent carries it inside. A native call can't be ended within a process; a process can.
 */
export const onnxChildSource = `
const ort = require(process.argv[1]);
let session;
const numbers = new Set(['float32', 'float64', 'int32', 'int64']);
async function load({ model }) {
  session = await ort.InferenceSession.create(new Uint8Array(Buffer.from(model, 'base64')), {
    executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1,
  });
  const told = (all) => all.map(({ name, isTensor, type, shape }) => ({ name, type: isTensor ? type : 'other', shape: isTensor ? shape.map((size) => typeof size === 'number' ? size : -1) : [] }));
  return { inputs: told(session.inputMetadata), outputs: told(session.outputMetadata) };
}
async function run({ input, type, shape, values, output }) {
  if (!numbers.has(type)) throw new Error('the input is of type ' + type);
  const data = type === 'int64' ? BigInt64Array.from(values.map((value) => BigInt(Math.round(value))))
    : type === 'int32' ? Int32Array.from(values) : type === 'float64' ? Float64Array.from(values) : Float32Array.from(values);
  const results = await session.run({ [input]: new ort.Tensor(type, data, shape) }, [output]);
  const tensor = results[output];
  if (!numbers.has(tensor.type)) throw new Error('the output is of type ' + tensor.type);
  if (tensor.data.length > 1000) throw new Error('the output has ' + tensor.data.length + ' values');
  return { values: Array.from(tensor.data, Number) };
}
process.on('message', async (message) => {
  try {
    process.send({ id: message.id, result: await (message.model !== undefined ? load(message) : run(message)) });
  } catch (error) {
    process.send({ id: message.id, error: String(error && error.message || error).slice(0, 500) });
  }
});
process.on('disconnect', () => process.exit(0));
`;
