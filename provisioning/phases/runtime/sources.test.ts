import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCatalogue } from '../../artefacts/catalogue.ts';
import { whyPackageDoesNotFit } from '../../artefacts/fitting.ts';
import { artefactsOf } from '../../artefacts/resolve.ts';
import { exampleFacts, exampleTestbed } from '../support/context-double.ts';
import { type RuntimePart, sourceOf, sourcesOf } from './sources.ts';

const catalogue = await readCatalogue(path.join(import.meta.dirname, '..', '..', '..', 'assets', 'catalogue.yaml'));
const host = exampleTestbed().hosts[1]!;

/** Of a host with these versions, when artefacts are offered by `offer`. */
const source = (
  part: RuntimePart,
  found: { installed?: string; offered?: string; apt?: boolean },
  offer: 'bundle' | 'publisher' | null,
  kubernetes = '1.36.2',
) => {
  const one = { installed: found.installed ?? null, offered: found.offered ?? null };
  const runtime = { apt: found.apt ?? true, containerd: one, runc: one, 'cni-plugins': one };
  return sourceOf(part, exampleFacts(host, { runtime }), {
    offers: () => Promise.resolve(offer),
    whyPackageDoesNotFit: (name, version) => whyPackageDoesNotFit(catalogue, name, version, kubernetes),
  });
};

describe('where a part of the runtime is taken from', () => {
  it("is the distribution's package where its version fits, whatever else is offered", async () => {
    for (const offer of ['bundle', 'publisher', null] as const)
      expect(await source('containerd', { installed: '1.6.20~ds1-1+deb12u1' }, offer)).toEqual({ from: 'distribution' });
    expect(await source('runc', { offered: '1.1.4+ds1-1' }, 'publisher')).toEqual({ from: 'distribution' });
    expect(await source('cni-plugins', {}, null)).toEqual({ from: 'distribution' });
  });

  it('is the bundle or the publisher where the package is too old for that Kubernetes', async () => {
    const why = 'containerd 1.7.24~ds1-6 does not fit: Kubernetes 1.37 wants containerd 2';
    const installed = { installed: '1.7.24~ds1-6' };
    expect(await source('containerd', installed, 'bundle', '1.37.0')).toEqual({ from: 'bundle', why });
    expect(await source('containerd', installed, 'publisher', '1.37.0')).toEqual({ from: 'publisher', why });
    expect(await source('containerd', installed, null, '1.37.0')).toEqual({
      from: 'nowhere',
      why: `${why}; the offline bundle holds no containerd for this host`,
    });
    expect(await source('runc', { offered: '1.0.0~rc93+ds1-5' }, 'publisher')).toMatchObject({ from: 'publisher' });
    expect(await source('containerd', { installed: 'unknown' }, 'bundle')).toMatchObject({ from: 'bundle' });
  });

  it('is the bundle where the host has none, and the publisher where it has no apt', async () => {
    const offered = { offered: '1.6.20~ds1-1' };
    expect(await source('containerd', offered, 'bundle')).toEqual({ from: 'bundle', why: 'the host has no containerd' });
    expect(await source('containerd', { apt: false }, 'publisher')).toEqual({
      from: 'publisher',
      why: 'the host has no containerd, and no apt',
    });
    expect(await source('containerd', { apt: false }, null)).toMatchObject({ from: 'nowhere' });
  });

  it('is told without a bundle that can be read, as a reset needs none', async () => {
    const bundle = '/nowhere/at/all';
    const artefacts = artefactsOf({ ...exampleTestbed(), artefacts: { bundle } }, { catalogue, stateFolder: bundle });
    const of = (installed: string | null) => {
      const one = { installed, offered: null };
      const runtime = { apt: true, containerd: one, runc: one, 'cni-plugins': one };
      return sourcesOf(exampleFacts(host, { runtime }), artefacts);
    };
    expect((await of(null)).containerd).toEqual({ from: 'distribution' });
    expect((await of('0.1-1')).containerd).toEqual({
      from: 'nowhere',
      why: expect.stringMatching(/^containerd 0\.1-1 does not fit: .*; there is no offline bundle in \/nowhere\/at\/all/),
    });
  });
});
