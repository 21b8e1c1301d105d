import type { Log } from '../config.ts';

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
