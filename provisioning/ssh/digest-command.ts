/**
 * A command that prints the SHA-256 of a file in hex, nothing when there is none. By OpenSSL where a host has it, which uses what processors have
 * for it: sha256sum of many a distribution does not, and takes five times as long. `path` is quoted already.
 */
export const digestCommand = (path: string): string =>
  `{ openssl dgst -sha256 -r ${path} 2>/dev/null || sha256sum ${path} 2>/dev/null; } | cut -d ' ' -f 1`;
