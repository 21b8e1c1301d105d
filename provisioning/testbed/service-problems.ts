import type { Problem } from './located.ts';
import type { TwinService } from './twin-services.ts';

/** What a schema cannot say of what components of a twin do. */
export function serviceProblems(services: readonly TwinService[]): Problem[] {
  const keyOf = (application: string, component: string) => `${application}/${component}`;
  const all = new Set<string>();
  const problems = services.flatMap(({ application, component }, index): Problem[] => {
    const key = keyOf(application, component);
    const isTwice = all.has(key);
    all.add(key);
    return isTwice
      ? [{ path: ['twin', 'services', index, 'component'], text: `${component} of ${application} has two services` }]
      : [];
  });
  for (const [index, { application, component, sendsTo }] of services.entries())
    for (const [at, { component: to }] of sendsTo.entries()) {
      const path = ['twin', 'services', index, 'sendsTo', at, 'component'];
      if (to === component) problems.push({ path, text: `${component} sends to itself` });
      else if (!all.has(keyOf(application, to)))
        problems.push({
          path,
          text: `${to} of ${application} has no service here`,
          remedy: 'Describe the service of each component that requests go to',
        });
    }
  return problems;
}
