import { useEffect, useState } from 'react';

/** Which rows of a long table are drawn: those in sight, and some more on either side. Pure. */
export function rowsInSight(
  scrollTop: number,
  height: number,
  rowHeight: number,
  count: number,
  spare = 12,
): { first: number; end: number } {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - spare);
  return { first: Math.min(first, count), end: Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + spare) };
}

/** The same of an element that scrolls; all rows while they are few. */
export function useVisibleRows(
  scroller: HTMLElement | null,
  count: number,
  rowHeight: number,
  few = 100,
): { first: number; end: number } {
  const [range, setRange] = useState({ first: 0, end: few });
  useEffect(() => {
    if (!scroller || count <= few) return;
    const look = () => {
      const next = rowsInSight(scroller.scrollTop, scroller.clientHeight, rowHeight, count);
      setRange((before) => (before.first === next.first && before.end === next.end ? before : next));
    };
    look();
    scroller.addEventListener('scroll', look, { passive: true });
    const sizes = new ResizeObserver(look);
    sizes.observe(scroller);
    return () => {
      scroller.removeEventListener('scroll', look);
      sizes.disconnect();
    };
  }, [scroller, count, rowHeight, few]);
  return count <= few ? { first: 0, end: count } : range;
}
