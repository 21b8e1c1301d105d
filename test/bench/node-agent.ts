import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { replySchema, telemetrySchema } from '../../agents/bus/messages.ts';
import { NatsBus } from '../../agents/bus/nats.ts';
import { peersRequestSchema } from '../../agents/bus/requests.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import { agentConfigSchema } from '../../agents/config.ts';
import { smallRuntime } from '../../provisioning/phases/agents/units.ts';

/**
 * The node agent as it runs on a host: its bundle as a process, TLS to a real bus, telemetry and heartbeat every second, OpenMetrics collected every 5 s, OTLP
 * and probes open, two peers probed. Memory and processor time over half a minute.
 */
const { values: asked } = parseArgs({
  options: {
    /** Runtime that hosts have, in place of this one. */
    node: { type: 'string', default: process.execPath },
    flags: { type: 'string', default: smallRuntime.flags.join(' ') },
    seconds: { type: 'string', default: '30' },
  },
});
const measuredS = Number(asked.seconds);
const warmUpS = 10;
const targets = { rssMb: 80, corePercent: 1 };
/** Of /proc/<pid>/stat, on every architecture of ours. */
const ticksPerS = 100;

const say = (text: string) => stdout.write(`${text}\n`);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'mls-bench-'));
const path = (name: string): string => join(folder, name);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

const [busPort, metricsPort, receiverPort, probePort] = [await freePort(), await freePort(), await freePort(), await freePort()];
const certificate = spawnSync('openssl', [
  ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=bench'],
  ...['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-keyout', path('key.pem'), '-out', path('cert.pem')],
]);
if (certificate.status !== 0) throw new Error(String(certificate.stderr));
writeFileSync(
  path('nats.conf'),
  `host: 127.0.0.1\nport: ${busPort}\ntls { cert_file: "${path('cert.pem')}", key_file: "${path('key.pem')}" }\nauthorization { user: a, password: b }\n`,
);
writeFileSync(path('password'), 'b');
const config = agentConfigSchema.parse({
  agent: 'node-bench',
  layer: 'node',
  cluster: 'bench',
  node: 'bench',
  stateFolder: folder,
  descriptionFile: path('description.yaml'),
  bus: {
    servers: [`tls://127.0.0.1:${busPort}`],
    caFile: path('cert.pem'),
    certFile: path('cert.pem'),
    keyFile: path('key.pem'),
    user: 'a',
    passwordFile: path('password'),
  },
  telemetry: {
    openMetrics: { host: '127.0.0.1', port: metricsPort },
    receiver: { host: '127.0.0.1', port: receiverPort },
    probe: { host: '127.0.0.1', port: probePort },
  },
});
writeFileSync(
  path('description.yaml'),
  'MLSysOpsNode: { name: bench, continuum_layer: [edge], environment: { node_type: native, os: ubuntu }, hardware: { cpu: { cores: 2 }, memory: 4 } }',
);
writeFileSync(path('node.json'), JSON.stringify(config));
const nats = spawn('/usr/sbin/nats-server', ['-c', path('nats.conf')], { stdio: 'ignore' });
const agent = spawn(
  asked.node,
  [...asked.flags.split(' ').filter(Boolean), join(root, 'dist/agents/node.mjs'), path('node.json')],
  {
    env: { ...process.env, ...smallRuntime.environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  },
);
let log = '';
agent.stderr.on('data', (chunk: Buffer) => {
  log += chunk.toString();
});

const statusOf = (name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))?.[1]) / 1024;
/** Seconds of processor time, all threads. */
const processorS = (): number => {
  const fields = readFileSync(`/proc/${agent.pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerS;
};

try {
  const bus = await NatsBus.connect({
    servers: [`tls://127.0.0.1:${busPort}`],
    user: 'a',
    password: 'b',
    tls: { caFile: path('cert.pem') },
    name: 'bench',
  });
  let messages = 0;
  let series = 0;
  bus.subscribe(subjects.telemetry('bench', 'bench'), telemetrySchema, ({ samples }) => {
    messages++;
    series = samples.length;
  });
  const until = Date.now() + 20_000;
  while (messages === 0 && Date.now() < until) await sleep(100);
  if (messages === 0) throw new Error(`the agent says nothing:\n${log}`);
  const peers = ['one', 'two'].map((node) => ({ node, address: '127.0.0.1' }));
  await bus.request(subjects.request('node-bench', 'peers'), peersRequestSchema, { peers }, replySchema, 2000);
  await sleep(warmUpS * 1000);

  const collect = setInterval(
    () => get({ port: metricsPort, host: '127.0.0.1', path: '/metrics' }, (response) => response.resume()),
    5000,
  );
  const before = { processorS: processorS(), at: performance.now(), messages };
  let rssMb = 0;
  for (let second = 0; second < measuredS; second++) {
    await sleep(1000);
    rssMb = Math.max(rssMb, statusOf('VmRSS'));
  }
  clearInterval(collect);
  const elapsedS = (performance.now() - before.at) / 1000;
  const corePercent = ((processorS() - before.processorS) / elapsedS) * 100;
  const version = spawnSync(asked.node, ['--version']).stdout.toString().trim();
  say(`Node ${version} ${asked.flags}: ${series} series, ${messages - before.messages} messages in ${elapsedS.toFixed(0)} s`);
  say(`memory: ${rssMb.toFixed(1)} MB (target: below ${targets.rssMb} MB; ${(rssMb / targets.rssMb).toFixed(2)} of it)`);
  say(
    `processor: ${corePercent.toFixed(2)} % of a core (target: below ${targets.corePercent} %; ${(corePercent / targets.corePercent).toFixed(2)} of it)`,
  );
  process.exitCode = rssMb < targets.rssMb && corePercent < targets.corePercent ? 0 : 1;
  await bus.close();
} finally {
  agent.kill();
  nats.kill();
  rmSync(folder, { recursive: true, force: true });
}
