import type { Artefacts } from '../../artefacts/resolve.ts';
import { Failure } from '../../run/failure.ts';
import type { HostFacts } from '../../run/phase.ts';

export const runtimeParts = ['containerd', 'runc', 'cni-plugins'] as const;
export type RuntimePart = (typeof runtimeParts)[number];

/** Where a host has a part of its runtime from. */
export type Source =
  | { from: 'distribution' }
  | { from: 'bundle' | 'publisher'; why: string }
  /** Nobody has one that fits; `why` ends with what is missing. */
  | { from: 'nowhere'; why: string };

/**
 * The distribution's package where its version fits, as it is kept up to date there; else what the bundle or the publisher offers. Of hosts that
 * have none, those with an offline bundle take its: their packages may be out of reach.
 */
export async function sourceOf(
  part: RuntimePart,
  facts: Pick<HostFacts, 'runtime' | 'architecture'> | undefined,
  artefacts: Pick<Artefacts, 'offers' | 'whyPackageDoesNotFit'>,
): Promise<Source> {
  const found = facts?.runtime?.[part];
  if (facts === undefined || found === undefined) return { from: 'distribution' };
  let missing = `the offline bundle holds no ${part} for this host`;
  // A bundle that cannot be read stops nothing that needs none of it, least of all a reset.
  const offer = await artefacts.offers(part, facts.architecture).catch((error: unknown) => {
    missing = error instanceof Failure ? error.value.cause : String(error);
    return null;
  });
  const packed = (why: string): Source =>
    offer === null ? { from: 'nowhere', why: `${why}; ${missing}` } : { from: offer, why };
  if (found.installed !== null) {
    const why = artefacts.whyPackageDoesNotFit(part, found.installed);
    return why === null ? { from: 'distribution' } : packed(why);
  }
  if (offer === 'bundle') return { from: 'bundle', why: `the host has no ${part}` };
  if (facts.runtime?.apt === false) return packed(`the host has no ${part}, and no apt`);
  const why = found.offered === null ? null : artefacts.whyPackageDoesNotFit(part, found.offered);
  return why === null ? { from: 'distribution' } : packed(why);
}

/** The sources of all parts. */
export async function sourcesOf(facts: HostFacts | undefined, artefacts: Artefacts): Promise<Record<RuntimePart, Source>> {
  const of = (part: RuntimePart) => sourceOf(part, facts, artefacts);
  const [containerd, runc, plugins] = await Promise.all([of('containerd'), of('runc'), of('cni-plugins')]);
  return { containerd, runc, 'cni-plugins': plugins };
}

export const isPacked = (source: Source): source is Source & { from: 'bundle' | 'publisher' } =>
  source.from === 'bundle' || source.from === 'publisher';
