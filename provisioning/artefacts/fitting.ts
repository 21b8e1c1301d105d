import { Failure } from '../run/failure.ts';
import type { Catalogue } from './catalogue.ts';
import { isWithinRange, numbersOf } from './versions.ts';

/** What kubeadm starts beside Kubernetes: image tags. */
export interface KubernetesComponents {
  etcd: string;
  coredns: string;
  pause: string;
}

/**
 * What fits a version of Kubernetes, e.g. "1.36.2". A patch newer than the catalogue gets what its minor version had last.
 * @throws Failure (artefact) for a minor version that the catalogue does not know
 */
export function componentsFor(catalogue: Catalogue, kubernetes: string): KubernetesComponents {
  const [major, minor, patch] = numbersOf(kubernetes) ?? [0, 0, 0];
  const set = catalogue.kubernetes[`${major}.${minor}`]?.findLast(({ from }) => from <= patch);
  if (set !== undefined) return { etcd: set.etcd, coredns: set.coredns, pause: set.pause };
  const known = Object.keys(catalogue.kubernetes);
  throw new Failure({
    code: 'artefact',
    cause: `the catalogue does not know what fits Kubernetes ${kubernetes}`,
    remedy: `Set kubernetes.version to one from ${known[0]} to ${known.at(-1)}`,
  });
}

/**
 * The image of containerd's sandboxes. For a minor version newer than the catalogue, the newest one known: whatever kubeadm of that version
 * would name, any pause image will do, and that of a bundle is tagged as this one. @throws Failure (artefact) for one that is too old
 */
export function pauseImageFor(catalogue: Catalogue, kubernetes: string): string {
  const newest = Object.keys(catalogue.kubernetes).at(-1) ?? kubernetes;
  const minorOf = (version: string) => numbersOf(version)?.[1] ?? 0;
  const known = minorOf(kubernetes) > minorOf(newest) ? `${newest}.999` : kubernetes;
  return `registry.k8s.io/pause:${componentsFor(catalogue, known).pause}`;
}

/** References of the images that each archive of a bundle holds for that version of Kubernetes. @throws Failure (artefact). */
export function imagesFor(catalogue: Catalogue, kubernetes: string): Map<string, string[]> {
  const values: Record<string, string> = {
    ...componentsFor(catalogue, kubernetes),
    kubernetes,
    karmada: catalogue.artefacts.karmadactl?.version ?? '',
  };
  const filled = (template: string) => template.replaceAll(/\{([a-z]+)\}/g, (all, name: string) => values[name] ?? all);
  return new Map(Object.entries(catalogue.images).map(([archive, templates]) => [archive, templates.map(filled)]));
}

/** Why a distribution's package of that version will not do for that version of Kubernetes; null when it will. */
export function whyPackageDoesNotFit(
  catalogue: Catalogue,
  artefact: string,
  packageVersion: string,
  kubernetes: string,
): string | null {
  const broken = catalogue.distribution[artefact]?.find(
    (rule) =>
      (rule.kubernetes === undefined || isWithinRange(kubernetes, rule.kubernetes)) &&
      !isWithinRange(packageVersion, rule.package),
  );
  return broken === undefined ? null : `${artefact} ${packageVersion} does not fit: ${broken.reason}`;
}
