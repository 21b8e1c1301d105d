import { ApiError, at, type KubeObject, type StoredObject } from './objects.ts';

type Test = (object: KubeObject) => boolean;

/** Label selector in its text form: a=b, a==b, a!=b, a, !a, a in (b,c), a notin (b,c), joined by commas. @throws ApiError 400 */
export function labelSelector(source: string | null): Test {
  if (!source) return () => true;
  const tests = source.split(/,(?![^(]*\))/).map((part) => labelTest(part.trim()));
  return (object) => tests.every((test) => test(object.metadata.labels ?? {}));
}

function labelTest(part: string): (labels: Record<string, string>) => boolean {
  const set = /^([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(part);
  if (set) {
    const [, key = '', operator, values = ''] = set;
    const wanted = new Set(values.split(',').map((value) => value.trim()));
    return (labels) => wanted.has(labels[key] ?? '\0') === (operator === 'in');
  }
  const equal = /^([\w./-]+)\s*(==|=|!=)\s*([\w./-]*)$/.exec(part);
  if (equal) {
    const [, key = '', operator, value] = equal;
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  const exists = /^(!?)([\w./-]+)$/.exec(part);
  if (exists) return (labels) => Object.hasOwn(labels, exists[2] ?? '') === (exists[1] === '');
  throw new ApiError(400, 'BadRequest', `unable to parse requirement: "${part}"`);
}

/** Selector of a Deployment or ReplicaSet: matchLabels alone, as the twin's own controllers write it. */
export function matchesLabels(wanted: Record<string, unknown>, object: KubeObject): boolean {
  const labels = object.metadata.labels ?? {};
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

/** Field selector: metadata.name=x, spec.nodeName!=y, … over fields that are plain values. @throws ApiError 400 */
export function fieldSelector(source: string | null): Test {
  if (!source) return () => true;
  const tests = source.split(',').map((part) => {
    const match = /^([\w.]+)\s*(==|=|!=)\s*(.*)$/.exec(part.trim());
    if (!match) throw new ApiError(400, 'BadRequest', `invalid field selector: "${part}"`);
    const [, path = '', operator, value] = match;
    return (object: KubeObject) => (String(at(object, ...path.split('.')) ?? '') === value) === (operator !== '!=');
  });
  return (object) => tests.every((test) => test(object));
}

export const isStored = (object: KubeObject): object is StoredObject => object.metadata.uid !== undefined;
