import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const wings = ['agents', 'provisioning', 'main', 'renderer'];
let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'import-rules-'));
  const files = execFileSync(
    'git',
    ['ls-files', '-co', '--exclude-standard', ...wings, 'dependency-cruiser.config.mjs', 'package.json'],
    { cwd: root, encoding: 'utf8' },
  );
  for (const file of files.split('\n').filter(Boolean)) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file));
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

function violations(): string {
  const result = spawnSync(process.execPath, [join(root, 'test', 'setup', 'import-rules.mjs')], { cwd: copy, encoding: 'utf8' });
  return `${result.stdout}${result.stderr}`;
}

describe('the import rules', () => {
  it.each([
    ['agents/decision/seeded.ts', "import '../../provisioning/run/failure.ts';", 'agents-know-no-desktop'],
    ['agents/decision/seeded.ts', "import '../policies/seeded-policy.ts';", 'agents-descriptions-stands-lower'],
    ['renderer/seeded.ts', "import '../main/core/folders.ts';", 'renderer-sees-the-contract-alone'],
    [
      'renderer/seeded.tsx',
      "import { agentConfigSchema } from '../agents/config.ts';\nexport const x = <b>{String(agentConfigSchema)}</b>;",
      'renderer-sees-the-contract-alone',
    ],
    ['main/contract/seeded.ts', "import 'node:fs';", 'contract-is-browser-safe'],
  ])(
    'refuse a forbidden import seeded in %s (%s)',
    (file, line, rule) => {
      mkdirSync(join(copy, 'agents', 'policies'), { recursive: true });
      writeFileSync(join(copy, 'agents', 'policies', 'seeded-policy.ts'), 'export {};\n');
      writeFileSync(join(copy, file), `${line}\n`);
      try {
        expect(violations()).toContain(rule);
      } finally {
        rmSync(join(copy, file));
      }
    },
    60_000,
  );
});
