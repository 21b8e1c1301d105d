// Checks the import rules of dependency-cruiser.config.mjs over the folders named (default: the four wings). dependency-cruiser parses
// with swc, which it never tells about JSX.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(`${process.cwd()}/package.json`));
const swc = require('@swc/core');
const { parseFileSync } = swc;
swc.parseFileSync = (file, options) => parseFileSync(file, { ...options, tsx: file.endsWith('x') });

const { cruise, format } = await import('dependency-cruiser');
const { default: config } = await import(pathToFileURL(`${process.cwd()}/dependency-cruiser.config.mjs`).href);
const folders = process.argv.length > 2 ? process.argv.slice(2) : ['agents', 'provisioning', 'main', 'renderer'];
const { output } = await cruise(folders, { ruleSet: { forbidden: config.forbidden }, validate: true, ...config.options });
const { output: text, exitCode } = await format(output, { outputType: 'err' });
process.stdout.write(`${text}\n`);
const { violations, totalCruised } = output.summary;
const tsx = output.modules.filter((module) => module.source.endsWith('.tsx')).length;
process.stdout.write(`${totalCruised} modules, ${tsx} of them TSX\n`);
process.exitCode = exitCode !== 0 || violations.length > 0 || totalCruised < 50 ? 1 : 0;
