/**
 * Reads an exposition strictly by the ABNF and the rules of the OpenMetrics 1.0 specification, written apart from what writes ours. Knows the types that we
 * write: gauge, counter, unknown.
 * @returns values by series; @throws Error at the first rule that is broken
 */
export function checkOpenMetrics(text: string): Map<string, number> {
  const fail = (why: string, line: string): never => {
    throw new Error(`${why}: ${line}`);
  };
  if (!text.endsWith('# EOF\n')) throw new Error('does not end in "# EOF\\n"');
  const lines = text.slice(0, -'# EOF\n'.length).split('\n');
  if (lines.pop() !== '') throw new Error('the last line is not ended');
  const series = new Map<string, number>();
  const finished = new Set<string>();
  let family = '';
  let type = 'unknown';
  let said = new Set<string>();
  let hasSamples = false;
  const begin = (name: string, line: string): void => {
    if (name === family) return;
    if (finished.has(name)) fail('a family is told in two places', line);
    finished.add(family);
    family = name;
    type = 'unknown';
    said = new Set();
    hasSamples = false;
  };
  for (const line of lines) {
    if (line.startsWith('#')) {
      const [, keyword = '', name = '', rest = ''] =
        /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line) ?? fail('no metadata', line);
      begin(name, line);
      if (hasSamples) fail('metadata after samples', line);
      if (said.has(keyword)) fail('metadata said twice', line);
      said.add(keyword);
      if (keyword === 'TYPE') type = /^(gauge|counter|unknown)$/.test(rest) ? rest : fail('no type', line);
      if (keyword === 'UNIT' && !name.endsWith(`_${rest}`)) fail('a unit that the name does not end in', line);
      if (keyword === 'HELP' && !/^(?:[^\\"\n]|\\[\\"n])*$/.test(rest)) fail('a help that is not escaped', line);
      continue;
    }
    const sample =
      /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^\\"\n]|\\[\\"n])*",?)*)\})? (\S+)( \S+)?$/.exec(line) ??
      fail('no sample', line);
    const [, name = '', labels = '', value = ''] = sample;
    if (labels.endsWith(',')) fail('a comma at the end', line);
    const expected = type === 'counter' ? `${family}_total` : family;
    if (name !== expected) {
      if (name !== family || type === 'counter') begin(name, line);
    }
    hasSamples = true;
    if (!/^(?:[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|Inf)|NaN)$/.test(value)) fail('no number', line);
    const names = [...labels.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="(?:[^\\"]|\\.)*"/g)].map(([, label]) => label);
    if (new Set(names).size < names.length) fail('a label twice', line);
    const number = value.endsWith('Inf') ? Number.POSITIVE_INFINITY * (value.startsWith('-') ? -1 : 1) : Number(value);
    if (type === 'counter' && !(number >= 0)) fail('a counter below zero', line);
    const key = `${name}{${[...labels.matchAll(/[a-zA-Z_][a-zA-Z0-9_]*="(?:[^\\"]|\\.)*"/g)]
      .map(([pair]) => pair)
      .sort()
      .join()}}`;
    if (series.has(key)) fail('a series twice', line);
    series.set(key, number);
  }
  return series;
}
