import { create } from 'zustand';

const storageKey = 'mlsysops.tour';

interface TourState {
  /** null while it is not taken. */
  step: number | null;
}
export const useTour = create<TourState>(() => ({ step: null }));

/** The first twin of a person begins it; once is enough. */
export function offerTour(storage: Pick<Storage, 'getItem'> = localStorage): void {
  if (storage.getItem(storageKey) === null) useTour.setState({ step: 0 });
}

export const takeTour = (): void => useTour.setState({ step: 0 });

/** Ended or dismissed: it does not come again by itself. */
export function endTour(storage: Pick<Storage, 'setItem'> = localStorage): void {
  storage.setItem(storageKey, 'taken');
  useTour.setState({ step: null });
}
