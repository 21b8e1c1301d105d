import { create } from 'zustand';

interface AgentChoice {
  /** Whose policies and models are shown; null for the first that places components. */
  agent: string | null;
  /** Which policy, and which model, of it; null for the first there is. */
  policy: string | null;
  model: string | null;
}

export const useAgentChoice = create<AgentChoice>(() => ({ agent: null, policy: null, model: null }));

export const chooseAgent = (agent: string): void => useAgentChoice.setState({ agent, policy: null, model: null });
export const askForPolicy = (agent: string, policy: string | null): void => useAgentChoice.setState({ agent, policy });
export const askForModel = (agent: string, model: string | null): void => useAgentChoice.setState({ agent, model });
