import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completionsAt } from './complete.ts';

/** Completes where "|" stands. */
const at = (marked: string) => {
  const offset = marked.indexOf('|');
  const { from, options } = completionsAt(marked.replace('|', ''), offset);
  return { typed: marked.slice(from, offset), labels: options.map(({ label }) => label) };
};

describe('what may stand in a description', () => {
  it('is a kind at its top', () => {
    expect(at('MLSys|').labels).toContain('MLSysOpsApp');
  });

  it.each([
    ['a key of the top', 'MLSysOpsApp:\n  na|', 'na', 'name'],
    ['a key of a list’s item, beside its dash', 'MLSysOpsApp:\n  components:\n    - meta|', 'meta', 'metadata'],
    [
      'a key of a list’s item, below',
      'MLSysOpsApp:\n  components:\n    - metadata:\n        name: a\n      node_pl|',
      'node_pl',
      'node_placement',
    ],
    ['a list in the column of its key', 'MLSysOpsApp:\n  components:\n  - metadata:\n      n|', 'n', 'name'],
    [
      'a key deep down',
      'MLSysOpsApp:\n  components:\n    - metadata:\n        name: a\n      containers:\n        - image: x\n          platform_requirements:\n            c|',
      'c',
      'cpu',
    ],
    [
      'a value of an enumeration',
      'MLSysOpsApp:\n  components:\n    - metadata:\n        name: a\n      data_criticality: h|',
      'h',
      'high',
    ],
    ['an item of a list of words', 'MLSysOpsApp:\n  permitted_actions:\n    - comp|', 'comp', 'component_relocation'],
    ['true or false', 'MLSysOpsApp:\n  components:\n    - host_network: t|', 't', 'true'],
    [
      'fields of a custom resource, at its root',
      'apiVersion: mlsysops.eu/v1\nkind: MLSysOpsApp\ncomponents:\n  - meta|',
      'meta',
      'metadata',
    ],
  ])('is %s', (_, marked, typed, label) => {
    const found = at(marked);
    expect(found.typed).toBe(typed);
    expect(found.labels).toContain(label);
  });

  it('says what a key is, and nothing where nothing is known', () => {
    const text = 'MLSysOpsApp:\n  ';
    expect(completionsAt(text, text.length).options).toContainEqual({
      label: 'components',
      detail: 'list · required',
      kind: 'key',
    });
    expect(at('MLSysOpsApp:\n  nonsense:\n    |').labels).toEqual([]);
    expect(at('# a remark |').labels).toEqual([]);
  });

  it('never fails, whatever is written', () => {
    const piece = fc.constantFrom('MLSysOpsApp:', 'components:', '- ', '\n', '  ', 'name: a', 'x', ':', '[', '"', 'cpu:', '#');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.nat(), (pieces, place) => {
        const text = pieces.join('');
        const offset = text.length === 0 ? 0 : place % (text.length + 1);
        const { from } = completionsAt(text, offset);
        expect(from).toBeGreaterThanOrEqual(0);
        expect(from).toBeLessThanOrEqual(offset);
      }),
    );
  });
});
