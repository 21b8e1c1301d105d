import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { testbedSchema } from '../testbed/schema.ts';
import { makeCells, reverseCells } from './cells.ts';
import type { RunEvent } from './events.ts';
import { Journal, journalFile, listJournals, readJournal } from './journal.ts';
import { criticalPathMs, type Work } from './overhead.ts';
import type { Phase, Step } from './phase.ts';
import { Redactor } from './redact.ts';
import { changeScript, exits, observeScript, undoScript } from './script.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'run-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const step = (id: string, observe: string, change: string, more: Partial<Step> = {}): Step => ({
  id,
  title: id,
  observe,
  change,
  ...more,
});

/** Runs a script as hosts do, and gives what it said at its marks: words without the times. */
function sh(script: string, shell = 'sh'): { words: string[]; code: number | null; stdout: string } {
  // The lock of a phase lies where root alone may write.
  const ran = spawnSync(shell, ['-s'], {
    input: `(\n${script.replaceAll('/run/mlsysops-', `${folder}/`)}\n)\n`,
    encoding: 'utf8',
  });
  const words = ran.stdout.split('\n').flatMap((line) => {
    const [mark, word, index, , code] = line.split(' ');
    return mark === 'MARK' ? [`${word} ${index}${code ? ` ${code}` : ''}`] : [];
  });
  return { words, code: ran.status, stdout: ran.stdout };
}

describe('a script of steps', () => {
  const at = (name: string) => path.join(folder, name);
  for (const shell of ['sh', 'bash']) {
    it(`observes, changes, verifies, and stops at the first that fails (${shell})`, () => {
      const file = at(`${shell}-file`);
      const secret = 'quotes \' " $HOME \\ and\nlines\0';
      const steps = [
        { step: step('there', 'true', 'exit 9'), change: 'exit 9' },
        {
          step: step('file', `[ -s '${file}' ]`, ''),
          change: `set -eu; true; chmod 0640 '${file}'`,
          files: [{ path: file, mode: '0600', content: secret }],
        },
        { step: step('ended early', `[ -e '${file}.2' ]`, ''), change: `set -e; touch '${file}.2'; exit 0; false` },
        { step: step('not given', 'false', '') },
        { step: step('never', 'false', ''), change: `touch '${file}.never'` },
      ];
      const first = sh(changeScript('MARK', `p-${shell}`, steps), shell);
      expect(first).toMatchObject({
        code: exits.needed,
        words: [
          'start 0',
          'in-place 0',
          'start 1',
          'change 1',
          'changed 1',
          'start 2',
          'change 2',
          'changed 2',
          'start 3',
          'needed 3',
        ],
      });
      expect(readFileSync(file, 'utf8')).toBe(secret);
      expect(statSync(file).mode & 0o777).toBe(0o640);
      const failing = { step: step('fails', 'false', ''), change: 'set -e\n(exit 5)\ntrue' };
      expect(sh(changeScript('MARK', `p-${shell}`, [failing, steps[4]!]), shell)).toMatchObject({
        code: exits.failed,
        words: ['start 0', 'change 0', 'failed 0 5'],
      });
      const hollow = { step: step('hollow', 'false', ''), change: 'cat; exit 0' };
      expect(sh(changeScript('MARK', `p-${shell}`, [hollow]), shell)).toMatchObject({ code: exits.unverified });
      expect(
        sh(
          observeScript(
            'MARK',
            steps.map((one) => one.step),
          ),
          shell,
        ).words,
      ).toEqual(['in-place 0', 'in-place 1', 'in-place 2', 'needed 3', 'needed 4']);
      const undo = [step('bad', '', '', { undo: 'exit 3' }), step('file', '', '', { undo: `rm -f '${file}'*` })];
      expect(sh(undoScript('MARK', `p-${shell}`, undo), shell)).toMatchObject({
        code: 0,
        words: ['start 0', 'failed 0 3', 'start 1', 'changed 1'],
      });
      expect(sh(observeScript('MARK', [steps[1]!.step]), shell).words).toEqual(['needed 0']);
    });
  }
});

describe('cells', () => {
  const testbed = testbedSchema.parse({
    name: 'lab',
    kind: 'hosts',
    hosts: ['a', 'b'].map((name) => ({ name, address: name, role: 'worker', cluster: 'c' })),
    clusters: {},
  });
  const phase = (id: string, needs?: Phase['needs']): Phase => ({ id, title: id, steps: () => [], needs });
  const roots = new Map<string, Work>();
  const links = (cells: ReturnType<typeof makeCells>) =>
    Object.fromEntries(
      cells.map((cell) => [`${cell.phase.id} ${cell.host.name}`, cell.needs.map((need) => `${need.phase.id} ${need.host.name}`)]),
    );

  it('wait for what their phase says, else for all before on their host; the other way round when taken down', () => {
    const phases = [
      phase('one'),
      phase('two', () => [
        { host: 'a', phase: 'one' },
        { host: 'nowhere', phase: 'one' },
      ]),
      phase('three'),
    ];
    const cells = makeCells(phases, testbed, roots);
    expect(links(cells)).toEqual({
      'one a': [],
      'one b': [],
      'two a': ['one a'],
      'two b': ['one a'],
      'three a': ['one a', 'two a'],
      'three b': ['one b', 'two b'],
    });
    expect(links(reverseCells(cells, roots))).toEqual({
      'three b': [],
      'three a': [],
      'two b': ['three b'],
      'two a': ['three a'],
      'one b': ['three b'],
      'one a': ['two a', 'two b', 'three a'],
    });
  });

  it('are refused when they wait for one another', () => {
    const phases = [phase('one', () => [{ host: 'b', phase: 'two' }]), phase('two', () => [{ host: 'a', phase: 'one' }])];
    expect(() => makeCells(phases, testbed, roots)).toThrow(/wait for one another: .*one on a.*→.*two on b/);
  });

  it('have the longest chain as their critical path: as when every chain is added up', () => {
    const durations = fc.array(fc.record({ ms: fc.nat(50), after: fc.array(fc.nat(20), { maxLength: 3 }) }), { maxLength: 9 });
    fc.assert(
      fc.property(durations, (all) => {
        const works: Work[] = [];
        for (const { ms, after } of all)
          works.push({ hostMs: ms, after: after.flatMap((index) => (index < works.length ? (works[index] ?? []) : [])) });
        const chains = (work: Work): number[] =>
          work.after.length === 0
            ? [work.hostMs]
            : work.after.flatMap((before) => chains(before).map((sum) => sum + work.hostMs));
        expect(criticalPathMs(works)).toBe(Math.max(0, ...works.flatMap(chains)));
      }),
    );
  });
});

describe('the journal', () => {
  it('keeps every event in order, privately, and reads past a line that a crash has cut', async () => {
    const events: RunEvent[] = Array.from({ length: 300 }, (_, index) => ({
      type: 'log',
      time: index,
      phase: 'p',
      host: 'h',
      stream: 'stdout',
      text: `line ${index}\n`,
    }));
    const file = journalFile(folder, '20260101-000000-abcd');
    const journal = await Journal.create(file);
    for (const event of events) journal.write(event);
    await journal.close();
    expect(await readJournal(file)).toEqual(events);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    appendFileSync(file, '{"type":"log","ti');
    expect(await readJournal(file)).toEqual(events);
    expect(await listJournals(folder)).toEqual(['20260101-000000-abcd']);
    expect(await listJournals(path.join(folder, 'none'))).toEqual([]);
  });
});

describe('redaction', () => {
  it('leaves no registered secret standing, whatever it is made of and wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 6, maxLength: 20 }), { maxLength: 5 }),
        fc.string(),
        fc.string(),
        (secrets, before, after) => {
          const redactor = new Redactor();
          for (const secret of secrets) redactor.add(secret);
          const value = redactor.value({ list: secrets.map((secret) => ({ text: `${before}${secret}${after}` })), number: 7 });
          for (const secret of secrets.filter((one) => one.trim().length >= 6))
            expect(value.list.map((one) => one.text).join('\0')).not.toContain(secret.trim());
          expect(value.number).toBe(7);
        },
      ),
    );
  });

  it('knows secrets by their looks, and those of secret files, and leaves ordinary lines alone', () => {
    const redactor = new Redactor();
    const key = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ0b\nabcdefgh12345678\n-----END PRIVATE KEY-----';
    redactor.addFile({ path: '/k', mode: '0600', secret: true, content: `user: alice\npassword: "s3cr3t-Passw0rd-x"\n${key}` });
    const ordinary = 'Get:1 http://deb.debian.org/debian bookworm/main amd64 containerd amd64 1.6.20~ds1-1+deb12u1 [25.9 MB]';
    expect(redactor.text(ordinary)).toBe(ordinary);
    for (const line of [
      'line MC4CAQAwBQYDK2VwBCIEIJ0b of it',
      'abcdefgh12345678',
      'the s3cr3t-Passw0rd-x',
      'kubeadm join --token abcdef.0123456789abcdef',
      'password=hunter2hunter2',
      'Authorization: Bearer abc.def-ghi_jkl',
      key,
    ])
      expect(redactor.text(line), line).toContain('•••');
  });
});
