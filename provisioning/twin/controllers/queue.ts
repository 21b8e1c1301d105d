/** Runs `reconcile` for a key soon after it was asked for, once however often it was asked; in the order of asking. */
export function reconcileQueue(
  reconcile: (key: string) => void,
  failed: (key: string, error: unknown) => void,
): { ask(key: string): void; close(): void } {
  const waiting = new Set<string>();
  let scheduled: NodeJS.Immediate | null = null;
  const drain = () => {
    scheduled = null;
    for (const key of [...waiting]) {
      waiting.delete(key);
      try {
        reconcile(key);
      } catch (error) {
        failed(key, error);
      }
    }
  };
  return {
    ask(key) {
      waiting.add(key);
      scheduled ??= setImmediate(drain);
    },
    close() {
      waiting.clear();
      if (scheduled) clearImmediate(scheduled);
    },
  };
}
