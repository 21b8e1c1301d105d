import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type PolicyArguments, PythonProcess, type PythonProcessOptions } from './python-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'python-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const running: PythonProcess[] = [];
afterEach(() => {
  for (const one of running.splice(0)) one.close();
});

const python = '/usr/bin/python3';
let count = 0;
function policy(source: string, options: Partial<PythonProcessOptions> = {}): PythonProcess {
  const file = join(folder, `policy-${count++}.py`);
  writeFileSync(file, source);
  const process = new PythonProcess({ file, python, ...options });
  running.push(process);
  return process;
}

const given = (more: Partial<PolicyArguments> = {}): PolicyArguments => ({
  application_description: [{ name: 'shop', spec: { components: [{ metadata: { name: 'front' } }] } }],
  system_description: { MLSysOpsCluster: { nodes: ['w1', 'w2'] } },
  mechanisms: { fluidity: { state: { applications: { shop: { components: { front: { node_placed: 'w1' } } } } }, options: {} } },
  telemetry: {
    columns: ['timestamp', 'latency', 'load'],
    rows: [
      [1, 10, null],
      [2, 20, 0.5],
      [3, 90, 0.25],
    ],
  },
  ml_connector: null,
  ...more,
});

/** In the framework's manner: its imports, its printing while it is initialised, an object in its context, a coroutine for query. */
const relocate = `
from __future__ import print_function
import inspect
from mlsysops.logger_util import logger
from mlsysops.utilities import evaluate_condition
from mlstelemetry import MLSTelemetry

client = MLSTelemetry("policy", "policy")
calls = 0

class Memory:
    seen = 0

def initialize():
    print(f"Initializing policy {inspect.stack()[1].filename}")
    return {
        "telemetry": {"metrics": ["latency", "load"], "system_scrape_interval": "1s"},
        "mechanisms": ["fluidity"], "packages": [], "configuration": {"analyze_interval": "5s"},
        "scope": "application", "memory": Memory(),
    }

async def analyze(context, application_description, system_description, mechanisms, telemetry, ml_connector):
    global calls
    calls += 1
    context["memory"].seen += 1
    client.pushLogInfo("looked")
    latest = await telemetry["query"](latest=True)
    part = await telemetry["query"](2, 3)
    assert len(part) == 2 and len(await telemetry["query"]()) == 3 and list(telemetry["dataframe"].columns)[0] == "timestamp"
    assert telemetry["dataframe"]["load"].values[0] is None
    context["configuration"]["analyze_interval"] = "30s"
    return evaluate_condition(50, latest["latency"].values[0], "lower_or_equal"), context

async def plan(context, application_description, system_description, mechanisms, telemetry, ml_connector):
    name = application_description[0]["name"]
    here = mechanisms["fluidity"]["state"]["applications"][name]["components"]["front"]["node_placed"]
    there = [node for node in system_description["MLSysOpsCluster"]["nodes"] if node != here][0]
    logger.info("plan %s %d", there, "not a number")
    return {"fluidity": {"name": name, "deployment_plan": {"initial_plan": False,
        "front": [{"action": "move", "src_host": here, "target_host": there}]},
        "mean": telemetry["dataframe"]["latency"].mean(), "seen": context["memory"].seen, "calls": calls}}, context
`;

describe("the framework's policy files", () => {
  it('run unchanged, with frame, query, context and modules of their own per application', async () => {
    const lines: string[] = [];
    const process = policy(relocate, { onLine: (line) => lines.push(line) });
    expect(await process.about()).toEqual({
      metrics: ['latency', 'load'],
      mechanisms: ['fluidity'],
      interval: '5s',
      scope: 'application',
      core: false,
    });
    expect(await process.analyze('shop', given())).toEqual({ adapt: true, interval: '30s' });
    expect(await process.analyze('shop', given())).toEqual({ adapt: true, interval: '30s' });
    expect(await process.analyze('other', given())).toEqual({ adapt: true, interval: '30s' });
    const move = { action: 'move', src_host: 'w1', target_host: 'w2' };
    const { plan } = await process.plan('shop', given());
    expect(plan).toEqual({
      fluidity: { name: 'shop', deployment_plan: { initial_plan: false, front: [move] }, mean: 40, seen: 2, calls: 2 },
    });
    expect(lines.some((line) => line.startsWith('Initializing policy'))).toBe(true);
    expect(lines).toContain('INFO pushLogInfo looked');
  });

  const body = (analyze: string, head = '', context = '{"configuration": {}}') => `${head}
def initialize():
    return ${context}
async def analyze(context, application_description, system_description, mechanisms, telemetry, ml_connector):
    ${analyze}
async def plan(context, *rest):
    return {}, context
`;

  it.each([
    ['a file that is no Python', 'def initialize(:\n  pass\n', /policy-\d+\.py: line 1: invalid syntax/],
    ['a missing function', 'def initialize(): return {}\n', /no function analyze and no function plan/],
    ['a context that is none', body('return True, context', '', '7'), /initialize\(\) gave int, not a dict/],
    [
      'a package that is not there',
      body('pass', '', '{"packages": ["no_such_package_x"]}'),
      /needs the Python package no_such_package_x/,
    ],
    [
      'an import that fails',
      body('pass', 'import no_such_module_y'),
      /line 1: ModuleNotFoundError: No module named 'no_such_module_y'/,
    ],
    ['an unknown column', body('return (await telemetry["query"]())["x"].any(), context'), /line 5: KeyError: 'x'/],
    ['an answer of one thing', body('return True'), /analyze\(\) must give two things, the answer and the context/],
    ['an exit', body('raise SystemExit(3)'), /line 5: SystemExit: 3/],
    ['no memory left', body('return len("x" * (2 << 30)) > 0, context'), /needs more than its 1024 MB of memory/],
  ])('say what is wrong with %s, and answer again after it', async (_of, source, message) => {
    const process = policy(source);
    const failed = process.about().then(() => process.analyze('shop', given()));
    await expect(failed).rejects.toThrow(message);
    await expect(process.about().then(() => process.analyze('shop', given()))).rejects.toThrow(message);
  });

  it('are ended when they take too long or crash, and started anew for the next call', async () => {
    const slow = policy(
      body('import time; time.sleep(600 if given_up(telemetry) else 0); return False, context').replace(
        'def initialize',
        'def given_up(telemetry): return len(telemetry["dataframe"]) == 0\ndef initialize',
      ),
      { timeLimitS: 1 },
    );
    await slow.about();
    const none = given({ telemetry: { columns: ['timestamp'], rows: [] } });
    await expect(slow.analyze('shop', none)).rejects.toThrow(/took more than 1 s/);
    await slow.about();
    expect(await slow.analyze('shop', given())).toMatchObject({ adapt: false });
    const crashing = policy(body('import os; os.kill(os.getpid(), 9)'));
    await expect(crashing.analyze('shop', given())).rejects.toThrow(/ended with SIGKILL/);
    expect(await crashing.about()).toMatchObject({ interval: '10s' });
  });

  it('need Python and pandas, and say so', async () => {
    await expect(policy(relocate, { python: '/nowhere/python3' }).about()).rejects.toThrow(
      /there is no \/nowhere\/python3 on this host: install Python 3.10 or newer with pandas/,
    );
    const without = join(folder, 'python-without-pandas');
    writeFileSync(without, `#!/bin/sh\nexec ${python} -S "$@"\n`, { mode: 0o755 });
    await expect(policy(relocate, { python: without }).about()).rejects.toThrow(/pandas cannot be imported/);
  });
});
