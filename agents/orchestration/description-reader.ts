import type { KubernetesObject } from '@kubernetes/client-node';
import type { Log } from '../config.ts';
import { apiGroup } from '../descriptions/kinds.ts';
import { parseCustomResource } from '../descriptions/parse.ts';
import { errorText } from './kubernetes-errors.ts';
import type { DescribedApplication } from './orchestrator.ts';

/** Custom objects as the client gives them. */
export type CustomObject = KubernetesObject & Record<string, unknown>;

/** Descriptions as they lie in the API, each read once a version; one that is no longer valid keeps counting as it last was. */
export class DescriptionReader {
  readonly #log: Log;
  readonly #read = new Map<string, { version: string; application: DescribedApplication | undefined }>();

  constructor(log: Log) {
    this.#log = log;
  }

  read(items: readonly CustomObject[]): DescribedApplication[] {
    return items.flatMap((item) => {
      if (item.metadata?.deletionTimestamp) return [];
      const uid = item.metadata?.uid ?? '';
      const version = item.metadata?.resourceVersion ?? '';
      const before = this.#read.get(uid);
      if (before && before.version === version) return before.application ?? [];
      const application = this.#parse(item, uid) ?? before?.application;
      this.#read.set(uid, { version, application });
      return application ?? [];
    });
  }

  #parse(item: CustomObject, uid: string): DescribedApplication | undefined {
    try {
      const parsed = parseCustomResource({ apiVersion: `${apiGroup}/v1`, kind: 'MLSysOpsApp', ...item });
      return parsed.kind === 'MLSysOpsApp' ? { uid, description: parsed.value } : undefined;
    } catch (error) {
      this.#log('warn', `a description in the API is not usable: ${errorText(error)}`);
      return undefined;
    }
  }
}
