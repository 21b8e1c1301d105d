import 'reflect-metadata';
import { startRun } from '../../../provisioning/run/run.ts';
import { KnownHosts } from '../../../provisioning/ssh/known-hosts.ts';
import { testbedSchema } from '../../../provisioning/testbed/schema.ts';
import { recipes } from './recipes.ts';

/** One run in a process of its own, to be killed: arguments as JSON on the command line, a line for each event on stdout. */
const { testbed, verb, recipe, knownHosts, stateFolder, largeFile, root, owner } = JSON.parse(process.argv[2] ?? '{}') as Record<
  string,
  string
>;
const finished = await startRun({
  testbed: testbedSchema.parse(testbed),
  phases: recipes[recipe === 'whole' ? 'whole' : 'small'].phases({ largeFile: largeFile!, root: root! }),
  verb: verb === 'down' ? 'down' : 'up',
  ssh: { knownHosts: new KnownHosts(knownHosts!), agent: null },
  stateFolder: stateFolder!,
  lease: { owner: owner! },
  onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
});
process.exit(finished.state === 'done' ? 0 : 1);
