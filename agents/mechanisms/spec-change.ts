import type { ApplicationAction, ComponentDescription } from '../descriptions/application.ts';

/** One thing in which two specifications of a component differ. */
export interface SpecDifference {
  /** For people: "image a:1 → a:2". */
  text: string;
  /** What an application must permit for it; null when no permission covers it, and it cannot be changed while it runs. */
  action: ApplicationAction | null;
}

type Container = NonNullable<ComponentDescription['containers']>[number];

/** What a `change_spec` of the framework would change, by the permission that it needs. */
export function specDifferences(before: ComponentDescription, after: ComponentDescription): SpecDifference[] {
  const found: SpecDifference[] = [];
  const compare = (what: string, from: unknown, to: unknown, action: ApplicationAction | null) => {
    if (JSON.stringify(from) !== JSON.stringify(to)) found.push({ text: `${what} ${show(from)} → ${show(to)}`, action });
  };
  compare('name', before.metadata.name, after.metadata.name, null);
  compare('runtime class', before.runtime_class_name, after.runtime_class_name, 'change_container_runtime_class');
  const [old = [], fresh = []] = [before.containers, after.containers];
  compare('number of containers', old.length, fresh.length, null);
  for (const [index, container] of fresh.entries()) {
    const former = old[index];
    if (!former) continue;
    const of = fresh.length > 1 ? `container ${index + 1}: ` : '';
    compare(`${of}image`, former.image, container.image, 'change_container_image');
    for (const [resource, bound] of bounds)
      compare(
        `${of}${resource} ${bound}`,
        boundOf(former, resource, bound),
        boundOf(container, resource, bound),
        'change_container_resource_requirements',
      );
    compare(`${of}the rest of its container`, rest(former), rest(container), null);
  }
  return found;
}

const bounds = [
  ['cpu', 'requests'],
  ['cpu', 'limits'],
  ['memory', 'requests'],
  ['memory', 'limits'],
] as const;

const boundOf = (container: Container, resource: 'cpu' | 'memory', bound: 'requests' | 'limits') =>
  container.platform_requirements?.[resource]?.[bound];

/** What of a container becomes part of its pod besides image and resources. */
const rest = ({ command, ports, env }: Container) => ({ command, ports, env });

const show = (value: unknown): string =>
  value === undefined ? 'none' : typeof value === 'string' || typeof value === 'number' ? String(value) : JSON.stringify(value);
