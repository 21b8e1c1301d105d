import { nodeProgram } from '../prepare.ts';

/**
 * True when an HTTPS server answers anything at all within 10 s, and shows a certificate of that authority (of any, without one). By the Node
 * runtime, since a host may have no curl.
 */
export const answers = (url: string, authority = ''): string =>
  `${nodeProgram} -e 'const [url, file] = process.argv.slice(1);
const ca = file ? require("fs").readFileSync(file) : undefined;
const fail = () => process.exit(1);
require("https").get(url, { ca, rejectUnauthorized: ca !== undefined, timeout: 10000 }, () => process.exit(0)).on("error", fail).on("timeout", fail);' ${url} ${authority}`;
