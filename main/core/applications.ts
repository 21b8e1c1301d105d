import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CustomObjectsApi } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { z } from 'zod';
import { type ApplicationStatus, replySchema } from '../../agents/bus/messages.ts';
import { deployRequestSchema, removeRequestSchema } from '../../agents/bus/requests.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import { namespace } from '../../agents/descriptions/custom-resource.ts';
import { apiGroup, kinds } from '../../agents/descriptions/kinds.ts';
import { DescriptionError, parseCustomResource, parseDescription } from '../../agents/descriptions/parse.ts';
import { ContractError, type OutputOf } from '../contract/contract.ts';
import type { RequestPayload } from './link/link.ts';
import type { Live } from './live.ts';

/** Applications answer with their state each 5 s. */
const hearMs = 6000;

/** States of the applications. Right after the link has opened, waits until each can have been heard. @throws what opening it throws */
export async function listApplications(live: Live): Promise<ApplicationStatus[]> {
  const hold = await live.hold();
  try {
    const until = (live.listeningSince ?? Date.now()) + hearMs;
    while (live.state.applications().length === 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 100));
    return live.state.applications();
  } finally {
    hold.close();
  }
}

/** Hands a description to the continuum agent. @throws ContractError refused, with what the agent said; LinkError */
export async function deployApplication(live: Live, description: string): Promise<{ application: string }> {
  const value = await ask(live, 'deploy', deployRequestSchema.parse({ description }));
  return z.object({ application: z.string() }).parse(value);
}

/** @throws ContractError refused; LinkError */
export async function removeApplication(live: Live, application: string): Promise<void> {
  await ask(live, 'remove', removeRequestSchema.parse({ application }));
}

async function ask(live: Live, verb: 'deploy' | 'remove', payload: RequestPayload): Promise<unknown> {
  const link = await live.link();
  const reply = replySchema.parse(await link.request(subjects.request('continuum', verb), payload));
  if (reply.ok) return reply.value;
  throw new ContractError('refused', `The continuum agent refused: ${reply.error}`);
}

/** What is wrong with a description, before anybody is asked to deploy it. */
export function checkApplication(text: string): OutputOf<'applications.check'> {
  try {
    const { kind, value } = parseDescription(text, 'description');
    if (kind === 'MLSysOpsApp') return { application: value.name, issues: [] };
    const message = `this describes a ${kind.replace('MLSysOps', '').toLowerCase()}; an application is an MLSysOpsApp`;
    return { application: null, issues: [{ line: 1, path: '', message }] };
  } catch (error) {
    if (!(error instanceof DescriptionError)) throw error;
    return { application: null, issues: error.issues };
  }
}

/** The description that an application is deployed by, as it stands in Karmada. @throws ContractError no-such-application; what the API throws */
export async function describedApplication(live: Live, application: string): Promise<{ description: string }> {
  const resource = { group: apiGroup, version: 'v1', namespace, plural: kinds.MLSysOpsApp.plural, name: application };
  let found: unknown;
  try {
    found = await live.clusters.ask('karmada', (config) =>
      config.makeApiClient(CustomObjectsApi).getNamespacedCustomObject(resource),
    );
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 404)) throw error;
    throw new ContractError('no-such-application', `There is no application "${application}".`);
  }
  const { kind, value } = parseCustomResource(z.record(z.string(), z.unknown()).parse(found));
  return { description: stringify({ [kind]: value }) };
}

/** The applications that the app brings along. */
export async function sampleApplications(assetsFolder: string): Promise<OutputOf<'applications.samples'>> {
  const folder = join(assetsFolder, 'applications');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
  return Promise.all(
    names.map(async (name) => ({ name: name.slice(0, -5), description: await readFile(join(folder, name), 'utf8') })),
  );
}
