import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, stdout } from 'node:process';
import { z } from 'zod';
import { subjects } from '../../agents/bus/subjects.ts';
import { parseTestbedFile } from '../../provisioning/testbed/parse.ts';
import { planTwin } from '../../provisioning/twin/plan.ts';
import { startTwin } from '../../provisioning/twin/testbed.ts';

/**
 * A twin of a thousand workers in four clusters, from its file, with all its agents and APIs in one process: how fast its time can go. Every node
 * agent beats and tells its readings once a simulated second; the cluster agents take them in, decide, and tell them upwards.
 */
const targets = { speed: 10 };
const seconds = Number(argv[2] ?? 30);
const say = (text: string) => stdout.write(`${text}\n`);
const read = (path: string) => readFileSync(join('assets', path), 'utf8');
const file = 'twin-thousand-nodes.yaml';
const folder = mkdtempSync(join(tmpdir(), 'twin-agents-'));
const startedAt = performance.now();
const problems: string[] = [];
const twin = await startTwin({
  name: 'thousand',
  plan: planTwin(parseTestbedFile(read(join('testbeds', file)), file)),
  stateFolder: folder,
  applications: [read(join('applications', 'smart-camera.yaml'))],
  // More than it can do: what it reaches is what is measured.
  speed: 100,
  log: (agent) => (level, text, details) => {
    if (level === 'error') problems.push(`${agent}: ${text} ${JSON.stringify(details ?? {})}`);
  },
});
const readyS = (performance.now() - startedAt) / 1000;
let [beats, tellings, decisions] = [0, 0, 0];
twin.bus.subscribe(subjects.all.heartbeats, z.unknown(), () => beats++);
twin.bus.subscribe(subjects.all.telemetry, z.unknown(), () => tellings++);
twin.bus.subscribe(subjects.all.decisions, z.unknown(), () => decisions++);
// Everybody gets to know everybody first: until then time hardly goes on.
const settledFrom = performance.now();
while (beats < 5 * twin.ready.nodes.length) {
  if (performance.now() - settledFrom > 240_000)
    throw new Error(`the agents are not settled after 240 s: ${beats} beats were heard`);
  await new Promise((resolve) => setTimeout(resolve, 200));
}
const settledS = (performance.now() - settledFrom) / 1000;
const from = { real: performance.now(), simulated: twin.clock.now(), beats, tellings, cpu: process.cpuUsage() };
await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
const realS = (performance.now() - from.real) / 1000;
const simulatedS = (twin.clock.now() - from.simulated) / 1000;
const used = process.cpuUsage(from.cpu);
const cores = (used.user + used.system) / 1e6 / realS;
const speed = simulatedS / realS;
const nodes = twin.ready.nodes.length;
say(
  `${nodes} nodes in ${twin.ready.clusters.length} clusters, with ${nodes + twin.ready.clusters.length} agents: ready after ${readyS.toFixed(1)} s, settled ${settledS.toFixed(1)} s later`,
);
say(
  `${speed.toFixed(1)} × real time by the clock with ${cores.toFixed(2)} of a core (target: at least ${targets.speed} ×; ${(speed / targets.speed).toFixed(2)} times that); ${(speed / cores).toFixed(1)} × on a whole one`,
);
say(
  `in ${simulatedS.toFixed(0)} simulated seconds ${((beats - from.beats) / nodes).toFixed(1)} beats and ${((tellings - from.tellings) / nodes).toFixed(1)} messages of telemetry a node, ${decisions} decisions since the start; memory ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MB`,
);
for (const problem of problems.slice(0, 10)) say(`went wrong: ${problem}`);
await twin.stop();
rmSync(folder, { recursive: true, force: true });
process.exit(speed >= targets.speed ? 0 : 1);
