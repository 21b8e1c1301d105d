// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import { createContractClient } from '../../main/contract/client.ts';
import type { SecretQuestion } from '../../main/contract/secrets.ts';
import { attachClient } from '../state/connection.ts';
import { useTestbeds } from '../state/testbeds.ts';
import { SecretQuestions } from './secret-dialog.tsx';

afterEach(() => {
  cleanup();
  useTestbeds.setState({ list: null });
});

test('a passphrase of kept passwords that was forgotten can be let go of, with what is kept, once that is said', async () => {
  const asked: [string, unknown][] = [];
  let deliver: (frame: unknown) => void = () => {};
  let stream = 0;
  attachClient(
    createContractClient({
      send(frame) {
        if (frame.type === 'open' && frame.name === 'secrets.watch') stream = frame.id;
        if (frame.type !== 'call') return;
        asked.push([frame.name, frame.input]);
        queueMicrotask(() => deliver({ type: 'answer', id: frame.id, output: {} }));
      },
      onFrame: (listener) => {
        deliver = listener;
      },
      onClose: () => {},
    }),
  );
  const testbed = { name: 'office', hosts: [], doubles: [], lastRun: null, createdAt: 0, recording: null };
  useTestbeds.setState({ list: [{ ...testbed, kind: 'hosts', state: 'new' }] });
  render(<SecretQuestions />);
  const tell = (event: unknown) => act(() => deliver({ type: 'event', id: stream, event }));
  const request: SecretQuestion = {
    ...{ kind: 'vault', host: '', user: '', prompt: 'Passphrase of the kept passwords:', echo: false, attempt: 1 },
  };
  tell({ type: 'ask', id: 'q', request, keptBy: null });
  expect(screen.queryByTestId('secret-keep')).toBeNull();
  fireEvent.click(screen.getByTestId('secret-forgotten'));
  expect(asked).toEqual([]);
  screen.getByText(/cannot be read by anybody/);
  fireEvent.click(screen.getByTestId('secret-reset'));
  await expect.poll(() => asked).toEqual([['secrets.reset', {}]]);
  tell({ type: 'settled', id: 'q' });
  expect(screen.queryByTestId('secret')).toBeNull();

  // The next password may be kept by another one.
  tell({ type: 'ask', id: 'p', request: { ...request, kind: 'password', host: 'gate', user: 'alice' }, keptBy: 'passphrase' });
  screen.getByText('gate as alice');
  screen.getByText('Keep it, encrypted by a passphrase of yours');
});
