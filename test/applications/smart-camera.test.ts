import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { parseDescription } from '../../agents/descriptions/parse.ts';
import { parseOpenMetrics } from '../../agents/telemetry/openmetrics.ts';

const program = fileURLToPath(new URL('../../assets/applications/smart-camera.mjs', import.meta.url));
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

test('frames go from camera to classifier, cost time per person, and find the classifier again after a move', async () => {
  const [cameraPort, detectorPort, classifierPort] = [await freePort(), await freePort(), await freePort()];
  const first = start('classifier', classifierPort, { POD_NAME: 'classifier-a' });
  start('detector', detectorPort, { CLASSIFIER_SERVICE_HOST: '127.0.0.1', CLASSIFIER_SERVICE_PORT: String(classifierPort) });
  start('camera', cameraPort, {
    PEOPLE: '8',
    FRAMES_PER_SECOND: '10',
    DETECTOR_SERVICE_HOST: '127.0.0.1',
    DETECTOR_SERVICE_PORT: String(detectorPort),
  });
  const busy = await until(async () => {
    const read = await scrape(classifierPort);
    return read.people_in_view === 8 && read.frames_total! > 5 && read.frame_classify_latency_ms !== undefined && read;
  });
  expect((await scrape(cameraPort)).frame_round_trip_ms).toBeGreaterThan(0);
  expect((await scrape(detectorPort)).people_in_view).toBe(8);

  expect(await put(cameraPort, '1')).toEqual({ people: 1 });
  await until(async () => {
    const read = await scrape(classifierPort);
    return read.people_in_view === 1 && read.frame_classify_latency_ms! < busy.frame_classify_latency_ms! / 2;
  });
  expect(await put(cameraPort, 'many')).toEqual({ error: 'people is a whole number from 0 to 14' });

  first.kill('SIGTERM');
  await until(async () => first.exitCode !== null);
  expect(first.exitCode).toBe(0);
  await until(async () => (await scrape(cameraPort)).frames_dropped_total! > 0);
  start('classifier', classifierPort, { POD_NAME: 'classifier-b' });
  await until(async () => (await scrape(classifierPort)).frame_classify_latency_ms !== undefined);
});

test('the description is valid, and only asks for what the program serves', () => {
  const description = parseDescription(
    readFileSync(new URL('../../assets/applications/smart-camera.yaml', import.meta.url), 'utf8'),
    'smart-camera.yaml',
  );
  if (description.kind !== 'MLSysOpsApp') throw new Error(`unexpected ${description.kind}`);
  expect(description.value.permitted_actions).toEqual(['component_relocation']);
  for (const component of description.value.components) {
    const container = component.containers![0]!;
    expect(container.command!.at(-1)).toBe(component.metadata.name);
    expect(container.env!.find(({ name }) => name === 'PORT')?.value).toBe(String(container.ports![0]!.container_port));
  }
  expect(description.value.components.flatMap(({ qos_metrics }) => qos_metrics ?? [])).toMatchObject([
    { application_metric_id: 'frame_classify_latency_ms', target: 50, relation: 'lower_or_equal' },
  ]);
});

function start(role: string, port: number, env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [program, '--role', role], { env: { ...process.env, ...env, PORT: String(port) } });
  started.push(child);
  return child;
}

async function scrape(port: number): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Object.fromEntries(parseOpenMetrics(text).map(({ metric, value }) => [metric, value]));
}

const put = async (port: number, body: string): Promise<unknown> =>
  (await fetch(`http://127.0.0.1:${port}/people`, { method: 'PUT', body })).json();

/** Polls until `ask` gives something; what it throws meanwhile counts as "not yet". */
async function until<T>(ask: () => Promise<T | false | undefined>): Promise<T> {
  let last: unknown;
  for (let i = 0; i < 300; i++) {
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('waited in vain', { cause: last });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
