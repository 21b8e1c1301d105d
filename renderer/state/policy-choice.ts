import { create } from 'zustand';

/** Which policy of which agent its page shows; null for the first there is. */
export const usePolicyChoice = create<{ agent: string | null; name: string | null }>(() => ({ agent: null, name: null }));

/** For links from elsewhere. */
export const askForPolicy = (agent: string, name: string): void => usePolicyChoice.setState({ agent, name });
