// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import { createContractClient } from '../../../main/contract/client.ts';
import type { SystemCheck } from '../../../main/contract/system.ts';
import { attachClient } from '../../state/connection.ts';
import { useTerminals } from '../../state/terminals.ts';
import { useTestbeds } from '../../state/testbeds.ts';
import { DiagnosticsPage } from './diagnostics-page.tsx';

afterEach(() => {
  cleanup();
  useTestbeds.setState({ list: null });
  useTerminals.setState({ sessions: [], shown: [] });
});

const check = (id: string, action: SystemCheck['action']): SystemCheck => ({
  ...{ id, severity: 'warning', evidence: `${id} is odd`, remedy: 'Do this', action },
});

test('what the app can do about a finding is a button beside it; what is not easily taken back is confirmed', async () => {
  const asked: [string, unknown][] = [];
  let deliver: (frame: unknown) => void = () => {};
  const found = {
    app: [check('privacy', { kind: 'make-private' })],
    testbed: [
      check('agents', { kind: 'shell', host: 'local', command: 'mlsysops-cli agents logs office gate' }),
      check('nodes', { kind: 'kubectl', cluster: 'cluster1', command: 'kubectl describe node gate' }),
      check('certificates', { kind: 'renew-certificates' }),
      check('apis', { kind: 'set-up' }),
    ],
  };
  const answers: Record<string, unknown> = {
    'system.diagnose': found,
    'system.makePrivate': {},
    'testbeds.operate': { run: 'r' },
    'testbeds.up': { run: 'r' },
  };
  attachClient(
    createContractClient({
      send(frame) {
        if (frame.type !== 'call') return;
        if (frame.name !== 'system.diagnose') asked.push([frame.name, frame.input]);
        queueMicrotask(() => deliver({ type: 'answer', id: frame.id, output: answers[frame.name] }));
      },
      onFrame: (listener) => {
        deliver = listener;
      },
      onClose: () => {},
    }),
  );
  const testbed = {
    name: 'office',
    kind: 'hosts',
    state: 'up',
    hosts: [],
    doubles: [],
    lastRun: null,
    createdAt: 0,
    recording: null,
  };
  useTestbeds.setState({ list: [{ ...testbed, kind: 'hosts', state: 'up' }] });
  render(<DiagnosticsPage />);
  fireEvent.click(await screen.findByTestId('check-make-private'));
  await expect.poll(() => asked).toEqual([['system.makePrivate', {}]]);
  fireEvent.click(screen.getByTestId('check-shell'));
  fireEvent.click(screen.getByTestId('check-kubectl'));
  expect(useTerminals.getState().sessions).toMatchObject([
    { testbed: 'office', host: 'local', typed: 'mlsysops-cli agents logs office gate' },
    { testbed: 'office', host: 'local', cluster: 'cluster1', typed: 'kubectl describe node gate' },
  ]);
  fireEvent.click(screen.getByTestId('check-renew-certificates'));
  expect(asked).toHaveLength(1);
  fireEvent.click(await screen.findByTestId('dialog-confirm'));
  await expect
    .poll(() => asked.slice(1))
    .toEqual([['testbeds.operate', { testbed: 'office', operation: { kind: 'rotate-certificates' } }]]);
  fireEvent.click(screen.getByTestId('check-set-up'));
  await expect.poll(() => asked.slice(2)).toEqual([['testbeds.up', { testbed: 'office' }]]);
});
