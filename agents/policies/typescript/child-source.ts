/**
 * Runs in a process of its own: takes the scripts of a policy file with its first message, then answers each further one. Text rather than a file, so that a
 * bundled agent carries it inside. What the file's context knows comes in as strings alone: there is nothing of the process in it to hold on to.
 */
export const policyChildSource = `
const vm = require('node:vm');
const context = vm.createContext(Object.create(null), { codeGeneration: { strings: false, wasm: false } });
let file = '';
const describe = (error) => {
  let text = 'it threw something that is no error';
  let stack = '';
  try { text = String((error && error.message) || error); stack = String((error && error.stack) || ''); } catch {}
  const at = stack.split('\\n').map((line) => line.indexOf(file + ':') < 0 ? null : /:(\\d+)/.exec(line.slice(line.indexOf(file + ':')))).find(Boolean);
  return (at ? 'line ' + at[1] + ': ' : '') + text.slice(0, 500);
};
process.on('message', ({ id, scripts, text }) => {
  try {
    if (scripts) {
      for (const { name, code } of scripts) {
        if (name.startsWith('policy-')) file = name;
        vm.runInContext(code, context, { filename: name });
      }
      process.send({ id, answer: '{}' });
      return;
    }
    const answer = vm.runInContext('hostModule.call(' + JSON.stringify(text) + ')', context, { filename: 'call' });
    if (typeof answer !== 'string') throw new Error('it gave no answer');
    process.send({ id, answer });
  } catch (error) {
    process.send({ id, error: describe(error) });
  }
});
process.on('disconnect', () => process.exit(0));
`;
