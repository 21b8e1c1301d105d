import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Hosts on one computer share its kernel's limits. Of inotify instances each host takes about thirty once it is a Kubernetes node, and a
 * common default for all of them is 128: the host that gets none ends as it starts, and says nothing of it.
 */
const needed = { file: '/proc/sys/fs/inotify/max_user_instances', atLeast: 1024 };
/** The computer's own setting, kept until the last network of local hosts goes; like the setting itself it does not outlive a restart. */
const before = '/run/mlsysops-local-hosts.inotify';

/** Raises what is too low for many hosts; what is high enough stays. */
export function raiseLimits(file = needed.file, kept = before): void {
  const now = readFileSync(file, 'utf8').trim();
  if (Number(now) >= needed.atLeast) return;
  if (!existsSync(kept)) writeFileSync(kept, now);
  writeFileSync(file, String(needed.atLeast));
}

/** Puts back what was before the first local host, unless somebody has set it otherwise since. */
export function restoreLimits(file = needed.file, kept = before): void {
  if (!existsSync(kept)) return;
  if (Number(readFileSync(file, 'utf8').trim()) === needed.atLeast) writeFileSync(file, readFileSync(kept, 'utf8'));
  rmSync(kept);
}
