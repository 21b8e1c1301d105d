import { expect, it } from 'vitest';
import { testbedJsonSchema } from './json-schema.ts';

interface Described {
  description?: string;
  properties?: Record<string, Described>;
  items?: Described;
  additionalProperties?: Described | boolean;
  anyOf?: Described[];
}

/** Keys without a description, by their path. */
const undescribed = (schema: Described, path = ''): string[] => [
  ...Object.entries(schema.properties ?? {}).flatMap(([key, one]) => [
    ...(one.description === undefined ? [`${path}.${key}`] : []),
    ...undescribed(one, `${path}.${key}`),
  ]),
  ...(schema.items ? undescribed(schema.items, `${path}[]`) : []),
  ...(typeof schema.additionalProperties === 'object' ? undescribed(schema.additionalProperties, `${path}.*`) : []),
  ...(schema.anyOf ?? []).flatMap((one) => undescribed(one, path)),
];

it('is published as it is, with a description of every key', async () => {
  expect(undescribed(JSON.parse(testbedJsonSchema()))).toEqual([]);
  // When the schema was changed on purpose: npx vitest run --project unit provisioning/testbed/json-schema.test.ts -u
  await expect(testbedJsonSchema()).toMatchFileSnapshot('../../assets/testbed.schema.json');
});
