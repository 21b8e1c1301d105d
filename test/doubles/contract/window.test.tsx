// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { App } from '../../../renderer/shell/app.tsx';
import { attachClient } from '../../../renderer/state/connection.ts';
import { useNavigation } from '../../../renderer/state/navigation.ts';
import { useTestbeds } from '../../../renderer/state/testbeds.ts';
import { useTime } from '../../../renderer/state/time.ts';
import { resetWorld } from '../../../renderer/state/world.ts';
import { testIds } from '../../../renderer/test-ids.ts';
import { createContractDouble, type Scenario } from './client.ts';

/** The window's pages on the DOUBLE of the contract: what is said and what can be done, not how it looks. */
function open(scenario: Scenario, page: 'testbeds' | 'run' | 'decisions'): void {
  attachClient(createContractDouble(scenario));
  useNavigation.setState({ page, testbed: null });
  render(<App />);
}

beforeEach(() => {
  useTestbeds.setState({ list: null, info: null });
  useTime.setState({ cursor: null, decision: null });
  resetWorld('nothing');
});
afterEach(cleanup);

test('first run asks where the testbed should run, and one click makes a living twin', async () => {
  open('empty', 'testbeds');
  expect((await screen.findByTestId(testIds.sentence)).textContent).toBe('Where should your testbed run?');
  await screen.findByText(/systemd-nspawn is missing/);
  expect(screen.getByTestId<HTMLButtonElement>(testIds.createLocal).disabled).toBe(true);
  fireEvent.click(screen.getByTestId(testIds.startTwin));
  await waitFor(() => expect(useNavigation.getState()).toMatchObject({ page: 'topology', testbed: 'twin' }));
});

test('what is wrong with a hosts file is said in place', async () => {
  open('empty', 'testbeds');
  fireEvent.click(await screen.findByTestId(testIds.createHosts));
  fireEvent.change(screen.getByTestId(testIds.hostsFile), { target: { value: 'hots:' } });
  fireEvent.click(screen.getByTestId(testIds.hostsCreate));
  expect((await screen.findByTestId(testIds.formError)).textContent).toContain('unknown key "hots"');
});

test('a changed host key is shown as such and never accepted by itself', async () => {
  open('new', 'testbeds');
  const keys = await screen.findByTestId(testIds.hostKeys);
  await within(keys).findByText(/changed, ED25519/);
  expect(within(keys).getByTestId(testIds.trust('worker-2')).textContent).toContain('I re-imaged this host');
  expect(within(keys).queryByTestId(testIds.trust('management'))).toBeNull();
});

test('a run shows each cell in words, and its failure with what helps', async () => {
  open('run', 'run');
  const failed = await screen.findByTestId(testIds.runMatrixCell('worker-2', 'kubernetes'));
  expect(failed.dataset.state).toBe('failed');
  expect(failed.getAttribute('aria-label')).toBe('worker-2, Kubernetes: Failed, step 2 of 3');
  expect(screen.getByTestId(testIds.runMatrixCell('worker-2', 'network')).textContent).toContain('Held');
  const card = screen.getByTestId(testIds.runFailure);
  expect(card.textContent).toContain('What helps');
  expect(card.textContent).toContain('exit code 1');
  expect(screen.getByTestId(testIds.sentence).textContent).toBe('worker-2 stopped; the other 3 hosts go on.');
});

test('a testbed on doubles says so', async () => {
  open('done', 'run');
  await screen.findByTestId(testIds.runMatrix);
  expect(screen.getAllByTestId(testIds.doubles).length).toBeGreaterThan(0);
  expect(screen.getByTestId(testIds.runState).textContent).toBe('done');
});

test('a decision is told from its record, and another premise leads to another choice at once', async () => {
  open('up', 'decisions');
  const rows = await screen.findAllByTestId(testIds.decisionRow);
  expect(rows).toHaveLength(9);
  const act = rows.find((row) => row.dataset.act === 'true');
  if (!act) throw new Error('the double has an act');
  fireEvent.click(act);
  await waitFor(() =>
    expect(screen.getByTestId(testIds.decisionSentence).textContent).toMatch(
      /^Moved classifier from worker-1 to worker-2, because 3 people in view/,
    ),
  );
  expect(screen.getByTestId(testIds.decisionCandidates).textContent).toContain('control-plane taint');
  const result = screen.getByTestId(testIds.whatIfResult);
  expect(result.dataset.choice).toBe('to:worker-2');
  fireEvent.change(screen.getByRole('slider', { name: 'People in view' }), { target: { value: '1' } });
  expect(result.dataset.choice).toBe('stay');
  expect(result.textContent).toContain('It would have stayed on worker-1');
  // Acts and non-acts are the same kind of row.
  fireEvent.click(screen.getByTestId('segment-non-acts'));
  expect(screen.getAllByTestId(testIds.decisionRow)).toHaveLength(8);
});
