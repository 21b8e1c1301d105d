import type { ApplicationDescription, ComponentDescription } from '../../../agents/descriptions/application.ts';
import { behavioursOf } from '../described-services.ts';
import { type Behaviour, type Behaviours, cameraBehaviours } from '../simulation/behaviour.ts';
import { type CameraRole, camera, slowdown } from '../simulation/camera.ts';
import { referenceGHz } from '../simulation/machines.ts';
import { roleOf } from '../simulation/workload.ts';
import { type CameraFit, fitCamera } from './camera-fit.ts';
import type { ParameterBook } from './parameters.ts';
import type { Past } from './past.ts';
import type { Present } from './present.ts';

const usualPeople = { mean: 3.5, stayMs: 30_000 } as const;
/** A component of which only its latency is known is asked now and then: what it costs is in its steady load already. */
const looksPerSecond = 0.1;
/** People stay for half a minute: a mean over less than a few of these is of those who happened to be there. */
const enoughForMeanMs = 3 * 60_000;
/** Metrics that must be low are latencies, as far as can be told by their relation. */
const isUpper = (relation: string): boolean => relation === 'lower_or_equal' || relation === 'lower_than';

export interface BehaviourOptions {
  present: Present;
  past: Past;
  book: ParameterBook;
  ghzOf: (node: string) => number;
}

/**
 * What the components of a cluster do: as a twin's file says; as was measured of the smart camera, put to its own readings; of any other, the load that it
 * made, and the latency that it told, which goes with the frequency of its node and with what else that node does.
 */
export function behavioursFor({ present, past, book, ghzOf }: BehaviourOptions): Behaviours {
  const described = behavioursOf(present.twin?.section?.services ?? []);
  const found = new Map<string, Behaviour>();
  for (const { description, components } of present.applications) {
    const roles = new Map(
      description.components.flatMap((component): [string, CameraRole][] => {
        const role = roleOf(component.containers ?? []);
        return role ? [[component.metadata.name, role]] : [];
      }),
    );
    const lens = roles.size > 0 ? cameraOf(description, { past, book, ghzOf }) : undefined;
    for (const component of description.components) {
      const { name } = component.metadata;
      const of = `${description.name}/${name}`;
      const own = described(description.name, name);
      if (own) {
        found.set(of, own);
        book.set(of, { name: 'Service', value: 1, unit: '', origin: 'described', source: "the twin's file" });
        continue;
      }
      const role = roles.get(name);
      if (role && lens) found.set(of, lens(role));
      else {
        const behaviour = otherOf(description.name, component, components[name] ?? null, { past, book, ghzOf });
        if (behaviour) found.set(of, behaviour);
      }
    }
  }
  return (application, component) => found.get(`${application}/${component}`);
}

type Sources = Omit<BehaviourOptions, 'present'>;

/** The smart camera's parts, by its own readings where there are enough. */
function cameraOf({ name, components }: ApplicationDescription, { past, book, ghzOf }: Sources): (role: CameraRole) => Behaviour {
  const published: CameraFit = {
    baseMs: camera.baseMs,
    perPersonMs: camera.perPersonMs,
    source: "the framework's published measurements",
  };
  const fitted = fitCamera(past, name, ghzOf);
  const { baseMs, perPersonMs, source } = fitted ?? published;
  const origin = fitted ? 'measured' : 'assumed';
  book.set(name, { name: 'Latency without people', value: baseMs, unit: 'ms', origin, source });
  book.set(name, { name: 'Time of each person at 1.8 GHz', value: perPersonMs, unit: 'ms', origin, source });
  const people = { metric: 'people_in_view', application: name };
  const usual = past.spanMs(people) >= enoughForMeanMs ? past.mean(people) : undefined;
  const mean = book.set(name, {
    name: 'People in view, mean',
    value: usual?.value ?? usualPeople.mean,
    unit: '',
    origin: usual ? 'measured' : 'assumed',
    source: usual?.source ?? "the framework's published experiment",
  });
  const now = past.last(people);
  if (now)
    book.set(name, { name: 'People in view, at first', value: now.value, unit: '', origin: 'measured', source: now.source });
  book.set(name, {
    name: 'Time that each stays in view',
    value: usualPeople.stayMs / 1000,
    unit: 's',
    origin: 'assumed',
    source: "the framework's published experiment",
  });
  const classifier = components.find((component) => roleOf(component.containers ?? []) === 'classifier')?.metadata.name;
  const rate =
    classifier === undefined ? undefined : past.rate({ metric: 'frames_total', application: name, component: classifier });
  const framesPerSecond = book.set(name, {
    name: 'Frames a second',
    value: rate && rate.value > 0 ? rate.value : camera.framesPerSecond,
    unit: '',
    origin: rate && rate.value > 0 ? 'measured' : 'assumed',
    source: rate && rate.value > 0 ? rate.source : 'as the sample camera makes',
  });
  return (role) => {
    const usualOf = cameraBehaviours[role];
    const scale = baseMs / camera.baseMs;
    return {
      ...usualOf,
      ...(usualOf.makes !== undefined && { makes: framesPerSecond }),
      ...(role === 'camera' && {
        items: { mean, stayMs: usualPeople.stayMs, ...(now && { now: Math.max(0, Math.round(now.value)) }) },
      }),
      service: {
        ...usualOf.service,
        ...(usualOf.service.fixedMs !== undefined && { fixedMs: scale * usualOf.service.fixedMs }),
        ...(usualOf.service.perItemMs !== undefined && { perItemMs: perPersonMs }),
      },
    };
  };
}

/** A component of which nothing is known but what it told. */
function otherOf(
  application: string,
  component: ComponentDescription,
  node: string | null,
  { past, book, ghzOf }: Sources,
): Behaviour | undefined {
  const { name } = component.metadata;
  const of = `${application}/${name}`;
  if (node === null) return undefined;
  const cores = past.median({ metric: 'component_cpu_cores', application, component: name, node });
  if (cores)
    book.set(of, { name: 'Processors used', value: cores.value, unit: 'cores', origin: 'measured', source: cores.source });
  const upper = (component.qos_metrics ?? []).find(({ relation }) => isUpper(relation));
  const latency = upper && past.median({ metric: upper.application_metric_id, application, component: name });
  if (!cores && !latency) {
    book.set(of, { name: 'Processors used', value: 0.5, unit: 'of its request', origin: 'assumed', source: 'it tells nothing' });
    return undefined;
  }
  if (!upper || !latency) return { service: { steadyCores: cores?.value ?? 0 }, sendsTo: [] };
  const used = past.median({ metric: 'cpu_used_ratio', node })?.value ?? 0;
  const serviceMs = (latency.value * ghzOf(node)) / referenceGHz / slowdown(used, 0);
  book.set(of, {
    name: 'Time of each request at 1.8 GHz',
    value: serviceMs,
    unit: 'ms',
    origin: 'measured',
    source: latency.source,
  });
  book.set(of, {
    name: 'Share of it that goes with the frequency',
    value: 1,
    unit: '',
    origin: 'assumed',
    source: 'it runs on one node, and says nothing of others',
  });
  return {
    service: { steadyCores: cores?.value ?? 0, serviceMs, threads: 64, queueLimit: 1000 },
    makes: looksPerSecond,
    sendsTo: [],
    tells: { [upper.application_metric_id]: 'stay' },
  };
}
