import { create } from 'zustand';

export interface Notice {
  id: number;
  text: string;
}

/** What is told once, wherever one is, and taken away by hand. */
export const useNotices = create<{ notices: readonly Notice[] }>(() => ({ notices: [] }));

let last = 0;
/** The same text twice is one notice. */
export function tell(text: string): void {
  useNotices.setState(({ notices }) => ({
    notices: [...notices.filter((notice) => notice.text !== text), { id: ++last, text }],
  }));
}
export function dismiss(id: number): void {
  useNotices.setState(({ notices }) => ({ notices: notices.filter((notice) => notice.id !== id) }));
}
