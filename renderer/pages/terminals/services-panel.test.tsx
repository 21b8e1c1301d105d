// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { createContractClient } from '../../../main/contract/client.ts';
import type { ClientFrame } from '../../../main/contract/wire.ts';
import { attachClient } from '../../state/connection.ts';
import { useForwards } from '../../state/forwards.ts';
import { ServicesPanel } from './services-panel.tsx';

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  useForwards.setState({ open: [] });
});

test('one click asks for a port and opens it in the browser; Stop takes it away; a host that was silent is told', async () => {
  const sent: ClientFrame[] = [];
  let deliver: (frame: unknown) => void = () => {};
  const target = { kind: 'host', host: 'gate', port: 8080 };
  attachClient(
    createContractClient({
      send(frame) {
        sent.push(frame);
        if (frame.type === 'call')
          queueMicrotask(() =>
            deliver({
              ...{ type: 'answer', id: frame.id },
              output: { listeners: [{ target, about: 'web' }], problems: ['shed: no route'] },
            }),
          );
        if (frame.type === 'open') queueMicrotask(() => deliver({ type: 'event', id: frame.id, event: { port: 40_123 } }));
      },
      onFrame: (listener) => {
        deliver = listener;
      },
      onClose: () => {},
    }),
  );
  const opened = vi.spyOn(window, 'open').mockReturnValue(null);
  render(<ServicesPanel testbed="office" onClose={() => {}} />);
  await screen.findByText('shed: no route');
  fireEvent.click(await screen.findByLabelText('Open gate:8080 in the browser'));
  const link = await screen.findByTestId('forward-link');
  expect(link.textContent).toBe('127.0.0.1:40123');
  expect(opened).toHaveBeenCalledWith('http://127.0.0.1:40123/', '_blank', 'noopener,noreferrer');
  fireEvent.click(screen.getByLabelText('Stop forwarding gate:8080'));
  expect(screen.queryByTestId('forward-link')).toBeNull();
  expect(sent.at(-1)?.type).toBe('close');
});
