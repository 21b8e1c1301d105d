// `npm test`: builds, checks types, style and import rules, then runs the three suites one after another. Ends with
// "N passed, N failed" alone on a line, and fails when anything failed, or was skipped.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const reports = mkdtempSync(join(tmpdir(), 'mlsysops-tests-'));
const totals = { passed: 0, failed: 0, skipped: 0 };
const begun = Date.now();

const checks = [
  ['build', ['node', 'main/build/build.mjs']],
  ['types', ['npx', 'tsc', '-b']],
  ['style', ['npx', 'biome', 'ci', '--error-on-warnings', '.']],
  ['imports', ['node', 'test/setup/import-rules.mjs']],
];
const wanted = process.argv.slice(2);

for (const [name, [command, ...args]] of checks) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', timeout: 300_000 });
  count(name, result.status === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 });
}

for (const suite of ['unit', 'hosts', 'e2e']) {
  if (wanted.length > 0 && !wanted.includes(suite)) continue;
  const file = join(reports, `${suite}.json`);
  const result = spawnSync(
    'npx',
    [
      ...['vitest', 'run', '--project', suite, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
      // One worker a core: by itself vitest leaves one core idle, which is half of a small machine.
      ...['--maxWorkers', String(availableParallelism())],
    ],
    {
      cwd: root,
      stdio: 'inherit',
      timeout: 1_500_000,
      env: { ...process.env, ELECTRON_OVERRIDE_DIST_PATH: join(root, '.cache', 'electron') },
    },
  );
  count(suite, readReport(file, result.status));
}

rmSync(reports, { recursive: true, force: true });
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed${skipped}\n`);
process.exitCode = totals.failed > 0 || totals.skipped > 0 || totals.passed === 0 ? 1 : 0;

function count(name, { passed, failed, skipped }) {
  totals.passed += passed;
  totals.failed += failed;
  totals.skipped += skipped;
  const seconds = ((Date.now() - begun) / 1000).toFixed(0);
  process.stdout.write(
    `── ${name}: ${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''} (${seconds} s since the start)\n`,
  );
}

/** A suite that crashes, or whose files fail to load, counts as failed even when its report has no failed test. */
function readReport(file, status) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const failed = Math.max(report.numFailedTests, status === 0 ? 0 : 1);
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests + report.numTodoTests };
}
