import { join } from 'node:path';
import { makeRecipe } from '../../../provisioning/recipe.ts';
import { leaseFile } from '../../../provisioning/run/lease.ts';
import type { Phase } from '../../../provisioning/run/phase.ts';
import { folder, smallRecipe, violations } from './small-recipe.ts';

/** What runs need that are interrupted; everything of it can travel to another process. */
export interface RecipeFiles {
  largeFile: string;
  /** Root of this repository, with what is built in dist/. */
  root: string;
}

/** A recipe to be interrupted, and how one sees on its two hosts that it is in place. */
export interface InterruptedRecipe {
  phases(files: RecipeFiles): Phase[];
  /** About how many events a run from nothing has: interruptions come at any of them. */
  events: number;
  /** Makes what the hosts are before an "up" that begins at nothing; null: "down" does that. */
  clear: string | null;
  /** Its output on the management host and on the other one must be as `isInPlace` says, the lease's file included. */
  look: string;
  isInPlace(management: string, other: string): string | null;
  /** A step that must not be done again once it was done, and what is another then. */
  once?: { step: string; look: string };
}

const member = 'kubectl --cache-dir=/tmp/kubectl --kubeconfig=/etc/kubernetes/admin.conf';
const karmada = 'kubectl --cache-dir=/tmp/kubectl --kubeconfig=/etc/karmada/karmada-apiserver.config';
const ready = `-o jsonpath='{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status};{end}'`;

export const recipes: Record<'small' | 'whole', InterruptedRecipe> = {
  small: {
    phases: ({ largeFile }) => smallRecipe(largeFile),
    events: 70,
    clear: `rm -rf ${folder} /run/interrupted-service`,
    look: `cat ${violations} 2>/dev/null; ls ${leaseFile} 2>/dev/null; cat ${folder}/id ${folder}/joined 2>/dev/null; cd ${folder} && ls first second installed large`,
    isInPlace: (management, other) =>
      /^[\w+/=]{12}\nfirst\ninstalled\nlarge\nsecond$/.test(management) && management === other
        ? null
        : `${management}\n--\n${other}`,
  },
  /** The true one, with doubles of the server binaries alone: slow, so not in `npm test`. */
  whole: {
    phases: ({ root }) => makeRecipe({ distFolder: join(root, 'dist'), assetsFolder: join(root, 'assets') }),
    events: 600,
    clear: null,
    look: `ls ${leaseFile} 2>/dev/null; systemctl is-active mlsysops-node mlsysops-cluster mlsysops-bus | sort -u; ${member} get nodes ${ready}; echo; [ ! -e /etc/karmada ] || ${karmada} get clusters ${ready}`,
    isInPlace: (management, other) =>
      management === 'active\nmanagement True;\ncluster1 True;' && other === 'active\nmaster-1 True;'
        ? null
        : `${management}\n--\n${other}`,
    once: { step: 'kubeadm-init', look: 'sha256sum /etc/kubernetes/pki/ca.crt' },
  },
};
