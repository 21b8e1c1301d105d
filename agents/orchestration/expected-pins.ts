import type { ComponentView } from './orchestrator.ts';

/** A watch that has not told of a change after so long will not: the view counts again. */
const keptMs = 10_000;

interface Expected {
  application: string;
  component: string;
  componentUid: string;
  node: string;
  planUid: string;
  until: number;
}

/**
 * Where components will be by changes that have been asked for and are not in the views yet. Who places several in a row must see where the
 * first ones go, as Kubernetes' own scheduler assumes of pods that it has just bound.
 */
export class ExpectedPins {
  readonly #now: () => number;
  readonly #expected = new Map<string, Expected>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** While `change` goes on, and until the views show it; no longer when it fails, or gives false: nothing has changed. */
  async while(expected: Omit<Expected, 'until'>, change: () => Promise<boolean>): Promise<void> {
    const key = keyOf(expected);
    const own = { ...expected, until: this.#now() + keptMs };
    this.#expected.set(key, own);
    let changed = false;
    try {
      changed = await change();
    } finally {
      if (!changed && this.#expected.get(key) === own) this.#expected.delete(key);
    }
  }

  forget(application: string, component: string): void {
    this.#expected.delete(keyOf({ application, component }));
  }

  /** The views with what is expected in them. `planOf` tells the plan that a component's Deployment was changed by last. */
  applyTo(
    views: readonly ComponentView[],
    planOf: (application: string, component: string) => string | undefined,
  ): readonly ComponentView[] {
    for (const [key, { application, component, planUid, until }] of this.#expected)
      if (until < this.#now() || planOf(application, component) === planUid) this.#expected.delete(key);
    if (this.#expected.size === 0) return views;
    const known = new Set(views.map(keyOf));
    return [
      ...views.map((view) => {
        const expected = this.#expected.get(keyOf(view));
        return expected ? { ...view, pin: expected.node } : view;
      }),
      ...[...this.#expected.values()]
        .filter((expected) => !known.has(keyOf(expected)))
        .map(({ application, component, componentUid, node }) => ({ application, component, componentUid, pin: node, pods: [] })),
    ];
  }
}

const keyOf = ({ application, component }: { application: string; component: string }): string => `${application}/${component}`;
