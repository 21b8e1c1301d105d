import { useEffect, useRef } from 'react';
import type { ContractError, EventOf, InputOf, StreamName } from '../../main/contract/contract.ts';
import { useConnection } from './connection.ts';
import { useDocumentVisible } from './visible.ts';

/** How long to wait before a watch that ended is opened again; the last value holds for all further tries. */
const reopenMs = [500, 1000, 2000, 5000];

interface StreamOptions {
  /** Open it again when it ends; for watches, which have no natural end. */
  reopen?: boolean;
  /** Keep it while the document is hidden, for what somebody else waits for. */
  evenHidden?: boolean;
  onOpen?: () => void;
  onEnd?: (error: ContractError | null) => void;
}

/** Keeps a stream open while the component is mounted, `input` is not null and the document is visible: hidden pages cost nothing. */
export function useStream<K extends StreamName>(
  name: K,
  input: InputOf<K> | null,
  onEvent: (event: EventOf<K>) => void,
  options: StreamOptions = {},
): void {
  const { client, state } = useConnection();
  const visible = useDocumentVisible() || options.evenHidden === true;
  const latest = useRef({ onEvent, options });
  latest.current = { onEvent, options };
  const key = input === null ? null : JSON.stringify(input);

  useEffect(() => {
    if (!client || state !== 'connected' || !visible || key === null) return;
    let open: { close(): void } | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let tries = 0;
    let done = false;
    const start = () => {
      latest.current.options.onOpen?.();
      open = client.open(
        name,
        JSON.parse(key) as InputOf<K>,
        (event) => {
          tries = 0;
          latest.current.onEvent(event);
        },
        (error) => {
          if (done) return;
          latest.current.options.onEnd?.(error);
          if (latest.current.options.reopen === false || error?.code === 'disconnected') return;
          timer = setTimeout(start, reopenMs[Math.min(tries++, reopenMs.length - 1)]);
        },
      );
    };
    start();
    return () => {
      done = true;
      clearTimeout(timer);
      open?.close();
    };
  }, [client, state, visible, key, name]);
}
