import { type WindowCommand, windowCommandSchema } from '../../main/contract/window.ts';

/** Takes what the native menu, a deep link or a notification asks, of this very window alone and only what fits the schema. @returns how to stop */
export function listenForCommands(run: (command: WindowCommand) => void, target: Window = window): () => void {
  const hear = (event: MessageEvent<unknown>) => {
    if (event.source !== target) return;
    const { data } = event;
    if (typeof data !== 'object' || data === null || !('type' in data) || data.type !== 'mlsysops-command') return;
    const parsed = windowCommandSchema.safeParse('command' in data ? data.command : null);
    if (parsed.success) run(parsed.data);
  };
  target.addEventListener('message', hear);
  return () => target.removeEventListener('message', hear);
}
