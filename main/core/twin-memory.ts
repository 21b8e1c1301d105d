import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseDescription } from '../../agents/descriptions/parse.ts';
import type { TwinControl } from '../../provisioning/twin/protocol.ts';
import { writeInOnePiece } from './testbed-folder.ts';

const rememberedTwinSchema = z.object({
  /** Descriptions that were handed in and not taken away, by name. */
  applications: z.record(z.string(), z.string()),
  /** Twin seconds per real second; null: as the testbed file says. */
  speed: z.number().nullable(),
  paused: z.boolean(),
  people: z.number().int().nullable(),
  /** Names of nodes that were switched off. */
  down: z.array(z.string()),
  /** When it was last started again after a crash, ms since the epoch. */
  restoredAt: z.number().nullable(),
});
export type RememberedTwin = z.infer<typeof rememberedTwinSchema>;

const fresh: RememberedTwin = { applications: {}, speed: null, paused: false, people: null, down: [], restoredAt: null };

/** What was done to a twin that runs: so that it can be started again as it was when the core that had it crashed. */
export class TwinMemory {
  readonly #file: string;
  /** One change after the other. */
  #last: Promise<void> = Promise.resolve();

  /** @param folder of the twin */
  constructor(folder: string) {
    this.#file = join(folder, 'running.json');
  }

  /** null when nothing is remembered, or it cannot be read. */
  async read(): Promise<RememberedTwin | null> {
    await this.#last;
    try {
      return rememberedTwinSchema.parse(JSON.parse(await readFile(this.#file, 'utf8')));
    } catch {
      return null;
    }
  }

  /** It starts anew with these. @throws DescriptionError */
  begin(applications: readonly string[], before: Partial<RememberedTwin> = {}): Promise<void> {
    const named = applications.map((text) => [nameOf(text), text] as const);
    return this.#change(() => ({ ...fresh, ...before, applications: Object.fromEntries(named) }));
  }

  deployed(description: string): Promise<void> {
    return this.#change((known) => ({
      ...known,
      applications: { ...known.applications, [nameOf(description)]: description },
    }));
  }

  removed(application: string): Promise<void> {
    return this.#change(({ applications: { [application]: _gone, ...applications }, ...known }) => ({ ...known, applications }));
  }

  /** Its core has crashed, and it is started again. */
  restored(at: number): Promise<void> {
    return this.#change((known) => ({ ...known, restoredAt: at }));
  }

  controlled(control: TwinControl): Promise<void> {
    return this.#change((known) => {
      switch (control.kind) {
        case 'pause':
          return { ...known, paused: true };
        case 'resume':
          return { ...known, paused: false };
        case 'speed':
          return { ...known, speed: control.speed };
        case 'people':
          return { ...known, people: control.people };
        case 'node': {
          const others = known.down.filter((node) => node !== control.node);
          return { ...known, down: control.state === 'down' ? [...others, control.node] : others };
        }
      }
    });
  }

  #change(change: (known: RememberedTwin) => RememberedTwin): Promise<void> {
    const before = this.read();
    const changed = before.then(async (known) => writeInOnePiece(this.#file, JSON.stringify(change(known ?? fresh))));
    // The next change does not fail since this one did.
    this.#last = changed.catch(() => {});
    return changed;
  }
}

/** What brings a twin that has just started back to how it was, in this order. */
export const controlsOf = ({ speed, people, down, paused }: RememberedTwin): TwinControl[] => [
  ...(speed === null ? [] : [{ kind: 'speed' as const, speed }]),
  ...(people === null ? [] : [{ kind: 'people' as const, people }]),
  ...down.map((node) => ({ kind: 'node' as const, node, state: 'down' as const })),
  ...(paused ? [{ kind: 'pause' as const }] : []),
];

function nameOf(text: string): string {
  const { kind, value } = parseDescription(text, 'description');
  // Nothing else can be handed in as an application.
  return kind === 'MLSysOpsApp' ? value.name : text;
}
