import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take a minute or more, longest first. */
const long = [
  'test/hosts/day2.hosts.test.ts',
  'test/hosts/testbed.hosts.test.ts',
  'test/faults/agents.hosts.test.ts',
  'test/faults/killed-run.hosts.test.ts',
];

/** Where two files run at a time, a long one that began last would run alone at the end. The others come as vitest has them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const place = ({ moduleId }: TestSpecification) => {
      const index = long.findIndex((file) => moduleId.endsWith(`/${file}`));
      return index === -1 ? long.length : index;
    };
    return sorted.toSorted((one, other) => place(one) - place(other));
  }
}
