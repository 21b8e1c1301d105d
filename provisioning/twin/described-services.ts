import type { TwinService } from '../testbed/twin-services.ts';
import type { Behaviour, Behaviours } from './simulation/behaviour.ts';

/** What components do, as a testbed file says. */
export function behavioursOf(services: readonly TwinService[]): Behaviours {
  const all = new Map(services.map((service) => [`${service.application}/${service.component}`, behaviourOf(service)]));
  return (application, component) => all.get(`${application}/${component}`);
}

function behaviourOf({
  application: _,
  component: __,
  makes,
  deviceW,
  items,
  sendsTo,
  tells,
  ...service
}: TwinService): Behaviour {
  return {
    service,
    ...(makes !== undefined && { makes }),
    ...(deviceW !== undefined && { deviceW }),
    ...(items && { items: { mean: items.mean, stayMs: 1000 * items.stayS, ...(items.now !== undefined && { now: items.now }) } }),
    sendsTo,
    tells,
  };
}
