import type { Json, Mechanism } from './mechanism.ts';

/** What policies see of the knobs: state and options of each by its name. One that cannot be read now is absent, with the reason. */
export function viewsOf(mechanisms: readonly Mechanism[]): Record<string, { state: Json; options: Json }> {
  return Object.fromEntries(
    mechanisms.map((mechanism) => {
      try {
        return [mechanism.name, { state: mechanism.state(), options: mechanism.options() }];
      } catch (error) {
        const absent = error instanceof Error ? error.message : String(error);
        return [mechanism.name, { state: null, options: { absent } }];
      }
    }),
  );
}
