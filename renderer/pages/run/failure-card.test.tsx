// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createContractClient } from '../../../main/contract/client.ts';
import { attachClient } from '../../state/connection.ts';
import { emptyRun } from '../../state/run.ts';
import type { FailureValue } from '../../state/types.ts';
import { FailureCard } from './failure-card.tsx';

const asked: { name: string; input: unknown }[] = [];
/** What the core refuses, by name. */
let refusal: string | null = null;
beforeEach(() => {
  asked.length = 0;
  refusal = null;
  let deliver: (frame: unknown) => void = () => {};
  attachClient(
    createContractClient({
      send(frame) {
        if (frame.type !== 'call') return;
        asked.push({ name: frame.name, input: frame.input });
        const error = { code: 'run-in-flight', message: 'A run is in flight.' };
        queueMicrotask(() =>
          deliver(
            refusal === frame.name
              ? { type: 'error', id: frame.id, error }
              : { type: 'answer', id: frame.id, output: frame.name === 'testbeds.trust' ? {} : { run: 'run-2' } },
          ),
        );
      },
      onFrame: (listener) => {
        deliver = listener;
      },
      onClose: () => {},
    }),
  );
});
afterEach(cleanup);

const failureOf = (code: string, host: string, more: Partial<FailureValue> = {}): FailureValue => ({
  ...{ code, host, message: `${host}: no`, cause: `cause of ${host}` },
  ...more,
});
const finished = {
  type: 'finished',
  time: 2,
  state: 'failed',
  changed: 0,
  inPlace: 0,
  wallMs: 1,
  overheadMs: 0,
  sentBytes: 0,
} as const;
function show(failures: FailureValue[], { running = false, twin = false } = {}) {
  const picture = { ...emptyRun, run: 'run-1', failures, finished: running ? null : { ...finished, summary: 'no' } };
  render(<FailureCard picture={picture} failure={failures.at(-1)!} testbed="office" twin={twin} />);
}
const confirm = async () => fireEvent.click(await screen.findByTestId('dialog-confirm'));

test('keys of first contact are shown, accepted all at once, and the run goes on', async () => {
  const key = (fingerprint: string) => ({ algorithm: 'ssh-ed25519', fingerprint });
  show([
    failureOf('host-key-unknown', 'gate', { hostKey: key('SHA256:gate') }),
    failureOf('host-key-unknown', 'shed', { hostKey: key('SHA256:shed') }),
  ]);
  fireEvent.click(screen.getByText('Accept 2 keys…'));
  const dialog = within(screen.getByRole('alertdialog'));
  for (const shown of ['SHA256:gate', 'SHA256:shed']) dialog.getByText(shown);
  await confirm();
  await expect
    .poll(() => asked)
    .toEqual([
      { name: 'testbeds.trust', input: { testbed: 'office', host: 'gate', fingerprint: 'SHA256:gate' } },
      { name: 'testbeds.trust', input: { testbed: 'office', host: 'shed', fingerprint: 'SHA256:shed' } },
      { name: 'runs.again', input: { run: 'run-1' } },
    ]);
});

test('a changed key is shown beside the one before, and a refusal ends it with the reason', async () => {
  refusal = 'testbeds.trust';
  const hostKey = { algorithm: 'ssh-ed25519', fingerprint: 'SHA256:new', was: 'SHA256:old' };
  show([failureOf('host-key-changed', 'gate', { hostKey })]);
  fireEvent.click(screen.getByTestId('failure-trust'));
  const dialog = within(screen.getByRole('alertdialog'));
  for (const shown of ['SHA256:new', 'SHA256:old', /somebody is in between/]) dialog.getByText(shown);
  await confirm();
  await dialog.findByText('A run is in flight.');
  expect(asked.map(({ name }) => name)).toEqual(['testbeds.trust']);
});

test('hosts that another run has are taken over once it is confirmed', async () => {
  show([failureOf('lease', 'gate'), failureOf('lease', 'shed')]);
  fireEvent.click(screen.getByTestId('failure-take-over'));
  expect(asked).toEqual([]);
  screen.getByText('gate: cause of gate');
  await confirm();
  await expect.poll(() => asked).toEqual([{ name: 'runs.again', input: { run: 'run-1', takeOver: true } }]);
});

test('a host on which a step failed can be reset once it is confirmed, and the run tried again from there', async () => {
  show([failureOf('step', 'gate')]);
  fireEvent.click(screen.getByTestId('failure-reset'));
  await confirm();
  const operation = { kind: 'reset-host', host: 'gate' };
  await expect.poll(() => asked).toEqual([{ name: 'testbeds.operate', input: { testbed: 'office', operation } }]);
  refusal = 'runs.again';
  fireEvent.click(screen.getByTestId('run-again'));
  await screen.findByText('A run is in flight.');
});

test('nothing is offered that cannot be done: while it runs, and on a twin', () => {
  show([failureOf('step', 'gate')], { running: true });
  for (const id of ['failure-reset', 'run-again']) expect(screen.getByTestId(id)).toHaveProperty('disabled', true);
  cleanup();
  show([failureOf('step', 'gate')], { twin: true });
  expect(screen.queryByTestId('failure-reset')).toBeNull();
  expect(screen.queryByText('Open shell')).toBeNull();
});
