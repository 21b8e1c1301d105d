import { refused } from './testbed-edit.ts';

/** Of "1.36.2": 36. */
export const minorOf = (version: string): number => Number(version.split('.')[1]);

/**
 * Whether a cluster may go from one version of Kubernetes to another: at most one minor up, never down. The same minor's other patches are fine.
 * @throws Failure (refused) that names the version to go to first
 */
export function checkStep(from: string, to: string): void {
  if (!/^1\.\d+\.\d+$/.test(to))
    throw refused(`"${to}" is not a version of Kubernetes`, 'Give it as it stands in the testbed file, e.g. 1.37.0');
  const [now, then] = [minorOf(from), minorOf(to)];
  if (then < now || (then === now && Number(to.split('.')[2]) < Number(from.split('.')[2])))
    throw refused(
      `Kubernetes cannot go back from ${from} to ${to}`,
      'Take down the testbed, set kubernetes.version in its file, then run "up"',
    );
  if (then > now + 1)
    throw refused(`Kubernetes goes up one minor version at a time: not from ${from} to ${to}`, `Upgrade to 1.${now + 1} first`);
}

/** A shell pattern that means this version, whatever a build adds to it: "v1.36.2", "v1.36.2-double". */
export const versionPattern = (version: string): string => `v${version.replaceAll('.', '\\.')}([-+][^[:space:]"]*)?`;
