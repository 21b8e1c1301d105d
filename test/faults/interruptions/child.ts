import { startRun } from '../../../provisioning/run/run.ts';
import { KnownHosts } from '../../../provisioning/ssh/known-hosts.ts';
import { testbedSchema } from '../../../provisioning/testbed/schema.ts';
import { smallRecipe } from './small-recipe.ts';

/** One run in a process of its own, to be killed: arguments as JSON on the command line, a line for each event on stdout. */
const { testbed, verb, knownHosts, stateFolder, largeFile, owner } = JSON.parse(process.argv[2] ?? '{}') as Record<
  string,
  string
>;
const finished = await startRun({
  testbed: testbedSchema.parse(testbed),
  phases: smallRecipe(largeFile!),
  verb: verb === 'down' ? 'down' : 'up',
  ssh: { knownHosts: new KnownHosts(knownHosts!), agent: null },
  stateFolder: stateFolder!,
  lease: { owner: owner! },
  onEvent: ({ type }) => process.stdout.write(`${type}\n`),
});
process.exit(finished.state === 'done' ? 0 : 1);
