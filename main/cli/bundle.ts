import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { verifyBundle } from '../../provisioning/artefacts/bundle.ts';
import { archSchema, readCatalogue } from '../../provisioning/artefacts/catalogue.ts';
import { createBundle } from '../../provisioning/artefacts/create-bundle.ts';
import { Failure } from '../../provisioning/run/failure.ts';
import { parseTestbedFile } from '../../provisioning/testbed/parse.ts';
import { distFolder } from '../core/folders.ts';
import { exitCodeOf } from './exit-codes.ts';
import { print, printJson } from './output.ts';
import { type Here, list, type WithClient } from './with-client.ts';

/** `mlsysops-cli bundle …`: everything that hosts without internet need, in one folder. */
export function addBundleCommands(program: Command, withClient: WithClient, here: Here): void {
  const bundle = program.command('bundle').description('Offline bundles: programs and images for hosts without internet');
  bundle
    .command('create <testbed> <folder>')
    .description('Download what a testbed needs, by its versions and its mirror; what is there already is not fetched again')
    .option('--arch <arches>', 'architectures of its hosts', list)
    .option('--kubernetes <versions>', 'these versions of Kubernetes instead of the testbed’s, e.g. two for an upgrade', list)
    .option('--json', 'print JSON')
    .action((name: string, folder: string, options: { arch?: string[]; kubernetes?: string[]; json?: boolean }) =>
      withClient(async (client) => {
        const { text } = await client.call('testbeds.file', { testbed: name });
        const arches = (options.arch ?? ['amd64']).map((arch) => {
          const known = archSchema.safeParse(arch);
          if (known.success) return known.data;
          throw new Failure({ code: 'invalid-input', cause: `--arch ${arch}: it is one of ${archSchema.options.join(', ')}` });
        });
        const abort = new AbortController();
        const stop = () => abort.abort();
        process.once('SIGINT', stop);
        try {
          const created = await createBundle({
            testbed: parseTestbedFile(text, `${name}/testbed.yaml`),
            arches,
            folder: resolve(folder),
            catalogue: await readCatalogue(join(distFolder(import.meta.url), '..', 'assets', 'catalogue.yaml')),
            kubernetes: options.kubernetes,
            signal: abort.signal,
            onProgress: progress(options.json ?? false),
          });
          if (options.json) printJson(created);
          else {
            for (const left of created.leftOut) print(`left out: ${left}`);
            print(
              `${created.folder} holds ${created.entries.length} artefacts. Use it: mlsysops-cli testbed up ${name} --bundle ${folder}`,
            );
          }
          return 0;
        } finally {
          process.off('SIGINT', stop);
        }
      }),
    );

  bundle
    .command('verify <folder>')
    .description('Is every file of a bundle there, and what its manifest says?')
    .option('--json', 'print JSON')
    .action((folder: string, { json }: { json?: boolean }) =>
      here(async () => {
        const { files, problems } = await verifyBundle(resolve(folder));
        if (json) printJson({ files, problems });
        else {
          for (const problem of problems) print(problem);
          print(
            problems.length === 0 ? `All ${files} files are as they should be.` : `${problems.length} of ${files} files are not.`,
          );
        }
        return problems.length === 0 ? 0 : exitCodeOf('artefact');
      }),
    );
}

/** On stderr, a line for each artefact: stdout stays the result's. */
function progress(json: boolean): (event: { what: string; done: number; total: number }) => void {
  let before = '';
  return ({ what, done, total }) => {
    if (json || what === before) return;
    before = what;
    process.stderr.write(`${String(done + 1).padStart(3)}/${total}  ${what}\n`);
  };
}
