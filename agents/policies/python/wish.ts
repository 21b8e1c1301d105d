import { z } from 'zod';
import type { Action } from '../../decision/record.ts';
import { type ApplicationAction, type ComponentDescription, componentSchema } from '../../descriptions/application.ts';
import type { Json } from '../../mechanisms/mechanism.ts';
import { specDifferences } from '../../mechanisms/spec-change.ts';
import type { Frame } from './python-process.ts';

/** One action on one component that a file has asked for. */
export interface Wish {
  application: string;
  component: string;
  action: Record<string, Json>;
  isInitial: boolean;
  shown: Frame;
}

const actionSchema = z.discriminatedUnion('action', [
  z.object({ action: z.literal('deploy'), host: z.string() }),
  z.object({ action: z.literal('remove'), host: z.string() }),
  z.object({ action: z.literal('move'), src_host: z.string(), target_host: z.string() }),
  z.object({ action: z.literal('change_spec'), new_spec: componentSchema }),
]);

export interface Change {
  action: Action;
  label: string;
  /** What the application must permit for it. */
  needs: ApplicationAction[];
  unsupported?: string;
  /** The component's specification after it. */
  spec?: ComponentDescription;
}

/** What a wish comes to where its component is `here`, and specified `so`, now; null when nothing would change. */
export function changeOf({ application, component, action }: Wish, so: ComponentDescription, here: string | null): Change | null {
  const command: Action = { kind: 'command', mechanism: 'fluidity', command: { name: application, [component]: [action] } };
  const parsed = actionSchema.safeParse(action);
  if (!parsed.success) {
    const label = 'What the file asked for';
    const unsupported = `"${String(action.action)}" is no action that can be carried out: ${z.prettifyError(parsed.error).split('\n')[0]}`;
    return { action: command, label, needs: [], unsupported };
  }
  const asked = parsed.data;
  switch (asked.action) {
    case 'deploy':
      if (here !== null) return null;
      return { action: { kind: 'deploy', component, host: asked.host }, label: `Place on ${asked.host}`, needs: [] };
    case 'remove':
      if (here === null) return null;
      return { action: { kind: 'remove', component, host: here }, label: `Remove from ${here}`, needs: [] };
    case 'move': {
      const to = asked.target_host;
      if (here === null || here === to) return null;
      const move: Action = { kind: 'move', component, from: here, to };
      return { action: move, label: `Move to ${to}`, needs: ['component_relocation'] };
    }
    case 'change_spec': {
      const differences = specDifferences(so, asked.new_spec);
      if (here === null || differences.length === 0) return null;
      const fixed = differences.find((difference) => difference.action === null);
      return {
        action: command,
        label: `Change ${component}: ${differences.map(({ text }) => text).join(', ')}`,
        needs: [...new Set(differences.flatMap((difference) => difference.action ?? []))],
        ...(fixed && { unsupported: `${fixed.text} cannot be changed while it runs` }),
        spec: asked.new_spec,
      };
    }
  }
}

/** The framework's own form of what is done; a file may have seen another source host than the one of now. */
export const commandOf = (action: Action, asked: Record<string, Json>): Record<string, Json> =>
  action.kind === 'move' ? { action: 'move', src_host: action.from, target_host: action.to } : asked;
