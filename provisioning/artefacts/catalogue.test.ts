import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../run/failure.ts';
import { parseCatalogue, readCatalogue } from './catalogue.ts';
import { componentsFor, imagesFor, pauseImageFor, whyPackageDoesNotFit } from './fitting.ts';
import { isWithinRange, numbersOf } from './versions.ts';

const file = path.join(import.meta.dirname, '..', '..', 'assets', 'catalogue.yaml');

describe('the catalogue', () => {
  it('knows what fits each Kubernetes from 1.26 to the default one, patches included', async () => {
    const catalogue = await readCatalogue(file);
    expect(Object.keys(catalogue.kubernetes)).toEqual(Array.from({ length: 11 }, (_, index) => `1.${26 + index}`));
    expect(componentsFor(catalogue, '1.36.2')).toEqual({ etcd: '3.6.8-0', coredns: 'v1.14.2', pause: '3.10.2' });
    expect(componentsFor(catalogue, 'v1.34.1')).toEqual({ etcd: '3.6.4-0', coredns: 'v1.12.1', pause: '3.10.1' });
    expect(componentsFor(catalogue, '1.34.99').etcd).toBe('3.6.5-0');
    expect(pauseImageFor(catalogue, '1.30.4')).toBe('registry.k8s.io/pause:3.9');
    expect(pauseImageFor(catalogue, '1.37.0')).toBe('registry.k8s.io/pause:3.10.2');
    expect(() => componentsFor(catalogue, '1.25.3')).toThrow('Set kubernetes.version to one from 1.26 to 1.36');
  });

  it('names every image of a testbed with nothing left to fill in', async () => {
    const images = imagesFor(await readCatalogue(file), '1.35.4');
    expect(images.get('images-control-plane')).toEqual([
      'registry.k8s.io/kube-apiserver:v1.35.4',
      'registry.k8s.io/kube-controller-manager:v1.35.4',
      'registry.k8s.io/kube-scheduler:v1.35.4',
      'registry.k8s.io/etcd:3.6.6-0',
    ]);
    expect([...images.values()].flat().filter((reference) => /[{}]/.test(reference))).toEqual([]);
  });

  it("takes a distribution's package only where it fits, and says why not", async () => {
    const catalogue = await readCatalogue(file);
    expect(whyPackageDoesNotFit(catalogue, 'containerd', '1.6.20~ds1-1+deb12u1', '1.36.2')).toBeNull();
    expect(whyPackageDoesNotFit(catalogue, 'containerd', '1.7.24~ds1-6', '1.37.0')).toContain('wants containerd 2');
    expect(whyPackageDoesNotFit(catalogue, 'nats-server', '2.9.10-1', '1.36.2')).toContain('need 2.10');
    expect(whyPackageDoesNotFit(catalogue, 'nats-server', 'unknown', '1.36.2')).toContain('does not fit');
  });

  it('is refused with the place and the reason when it does not fit its schema', async () => {
    const text = await readFile(file, 'utf8');
    const refused = (from: string | RegExp, to: string) => () => parseCatalogue(text.replace(from, to), 'catalogue.yaml');
    expect(refused('https://dl.k8s.io', 'http://dl.k8s.io')).toThrow(/an https:\/\/ address[\s\S]*artefacts\.kubeadm/);
    expect(refused('{version}/bin', '{release}/bin')).toThrow('only {version} and {arch} are filled in');
    expect(refused('from: 10,', 'from: 0,')).toThrow('starts at patch 0 and rises');
    expect(refused(':{etcd}', ':{etdc}')).toThrow('unknown {placeholder}');
    expect(refused('">=1.6.0"', '"1.6"')).toThrow('bounds such as');
  });

  it('however damaged is a Failure, never another error', async () => {
    // Its first artefacts: parsing all of it a hundred times would take seconds.
    const text = (await readFile(file, 'utf8')).slice(0, 1500);
    const damaged = fc
      .tuple(fc.nat(text.length), fc.nat(40), fc.string({ unit: 'binary', maxLength: 12 }))
      .map(([at, length, other]) => text.slice(0, at) + other + text.slice(at + length));
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string(), fc.json()), (input) => {
        try {
          parseCatalogue(input, 'catalogue.yaml');
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('versions', () => {
  it('are compared by their numbers, whatever a distribution writes around them', () => {
    expect(numbersOf('1:20.10.5+dfsg1-1')).toEqual([20, 10, 5]);
    expect(numbersOf('v1.36.2-double')).toEqual([1, 36, 2]);
    expect(numbersOf('2.10')).toEqual([2, 10, 0]);
    expect(isWithinRange('1.36.2', '>=1.35.0 <1.37.0')).toBe(true);
    expect(isWithinRange('1.37.0', '>=1.35.0 <1.37.0')).toBe(false);
    expect(isWithinRange('nonsense', '>=0.0.0')).toBe(false);
  });
});
