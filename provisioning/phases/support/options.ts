import path from 'node:path';
import { readCatalogue } from '../../artefacts/catalogue.ts';
import type { Fetch } from '../../artefacts/http.ts';
import { type Artefacts, artefactsOf, defaultCacheFolder } from '../../artefacts/resolve.ts';
import type { RunContext } from '../../run/phase.ts';

export interface RecipeOptions {
  /** Holds agents/{node,cluster,continuum}.mjs. */
  distFolder: string;
  /** Holds catalogue.yaml and applications/. */
  assetsFolder: string;
  cacheFolder?: string;
  fetch?: Fetch;
  /** Whether verifying a testbed that was made or changed ends with a small application that is placed, reached, moved and removed. */
  smoke?: boolean;
  /** Called by the verify phase once the hosts are fine, e.g. to wait for heartbeats on the bus. Each throws a Failure when it is not. */
  verifyHooks?: ((context: RunContext) => Promise<void>)[];
  /** ms since the epoch; certificates are dated by it. */
  now?: () => number;
}

/** What the phases of one recipe share besides the run's own context. */
export interface PhaseTools {
  options: RecipeOptions;
  cacheFolder: string;
  now: () => number;
  artefacts(context: RunContext): Promise<Artefacts>;
}

export function toolsOf(options: RecipeOptions): PhaseTools {
  const cacheFolder = options.cacheFolder ?? defaultCacheFolder();
  const made = new WeakMap<RunContext, Promise<Artefacts>>();
  return {
    options,
    cacheFolder,
    now: options.now ?? Date.now,
    artefacts(context) {
      const known = made.get(context);
      if (known !== undefined) return known;
      const artefacts = readCatalogue(path.join(options.assetsFolder, 'catalogue.yaml')).then((catalogue) =>
        artefactsOf(context.testbed, { catalogue, stateFolder: context.stateFolder, cacheFolder, fetch: options.fetch }),
      );
      made.set(context, artefacts);
      return artefacts;
    },
  };
}
