import type { Log } from '../config.ts';
import type { DecisionRecord } from '../decision/record.ts';
import type { Aggregate } from './aggregates.ts';
import type { ApplicationStatus, Heartbeat, Telemetry } from './messages.ts';
import { subjects } from './subjects.ts';

/** The one subject that a message of each kind may come on, by what it says of its sender. */
export const originOf = {
  heartbeat: ({ cluster, layer, agent }: Heartbeat) => subjects.heartbeat(cluster, layer, agent),
  telemetry: ({ cluster, node }: Telemetry) => subjects.telemetry(cluster, node),
  aggregate: ({ cluster, node }: Aggregate) => subjects.aggregate(cluster, node),
  decision: ({ agent }: DecisionRecord) => subjects.decision(agent.cluster, agent.layer, agent.id),
  application: ({ cluster, application }: ApplicationStatus) => subjects.application(cluster, application),
} as const;

/**
 * Takes a message only on the subject that its sender may speak on: the bus lets each agent say what is its own, and what the message itself says of its
 * origin must be no more than that. One that says otherwise is dropped, and told of once a subject.
 */
export function genuine<T>(subjectOf: (value: T) => string, deliver: (value: T) => void, log: Log) {
  const told = new Set<string>();
  return (value: T, subject: string): void => {
    if (subject === subjectOf(value)) {
      deliver(value);
      return;
    }
    // Whoever makes up subjects must not fill the memory.
    if (told.has(subject) || told.size >= 100) return;
    told.add(subject);
    log('warn', 'a message in the name of somebody else was dropped', { subject, claims: subjectOf(value) });
  };
}
