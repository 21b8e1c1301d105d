import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const runtimeDouble = 'the host’s own, started by a script that says another version';

/** A script that says a version of its own, and is the host's own program for everything else. */
export function sayingVersion(file: string, program: string, version: string): void {
  writeFileSync(file, `#!/bin/sh\ncase "$1" in --version) echo "${version}"; exit;; esac\nexec ${program} "$@"\n`);
  chmodSync(file, 0o755);
}

/** An archive as containerd's publisher packs it, of scripts that start the programs of the host's distribution. */
export function packContainerdDouble(folder: string, version: string): string {
  const archive = join(folder, 'containerd.tar.gz');
  mkdirSync(join(folder, 'bin'), { recursive: true });
  for (const name of ['containerd', 'ctr', 'containerd-shim-runc-v2'])
    sayingVersion(join(folder, 'bin', name), `/usr/bin/${name}`, `${name} github.com/containerd/containerd v${version}`);
  execFileSync('tar', ['-czf', archive, '-C', folder, 'bin']);
  return archive;
}
