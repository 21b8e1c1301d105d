import { useEffect, useState, useSyncExternalStore } from 'react';
import { useSettings } from './settings.ts';

function subscribe(listener: () => void): () => void {
  document.addEventListener('visibilitychange', listener);
  return () => document.removeEventListener('visibilitychange', listener);
}

export const useDocumentVisible = (): boolean => useSyncExternalStore(subscribe, () => document.visibilityState !== 'hidden');

/** The time now, renewed every `everyMs` while the document is visible: for ages and elapsed times. `clock` is that of this computer. */
export function useNow(everyMs = 1000, clock: () => number = Date.now): number {
  const visible = useDocumentVisible();
  const [now, setNow] = useState(clock);
  useEffect(() => {
    if (!visible) return;
    setNow(clock());
    const timer = setInterval(() => setNow(clock()), everyMs);
    return () => clearInterval(timer);
  }, [visible, everyMs, clock]);
  return now;
}

/** Width and height of an element in CSS pixels, for drawings that fill what they are given. */
export function useSize(element: Element | null): { width: number; height: number } {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      if (!entry) return;
      const { width, height } = entry.contentRect;
      setSize({ width: Math.floor(width), height: Math.floor(height) });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

const lessMotion = () => matchMedia('(prefers-reduced-motion: reduce)');

/** The person asked for less motion, of the computer or of this app: nothing runs by itself then. */
export function useReducedMotion(): boolean {
  const wanted = useSettings(({ settings }) => settings?.motion === 'reduced');
  const system = useSyncExternalStore(
    (listener) => {
      const query = lessMotion();
      query.addEventListener('change', listener);
      return () => query.removeEventListener('change', listener);
    },
    () => lessMotion().matches,
  );
  return wanted || system;
}
