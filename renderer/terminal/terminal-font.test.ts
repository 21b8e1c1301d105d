import { expect, test } from 'vitest';
import { showFontWhenLoaded } from './terminal-font.ts';

const family = '"JetBrains Mono Variable", monospace';

test('a font that is there is used at once; one that is not stands in until it has come, also where it cannot be had', async () => {
  const there = { options: { fontSize: 12 } as { fontSize: number; fontFamily?: string } };
  showFontWhenLoaded(there, family, () => expect.unreachable(), {
    check: () => true,
    load: () => Promise.reject(new Error('not asked for')),
  });
  expect(there.options.fontFamily).toBe(family);

  for (const loading of [Promise.resolve([]), Promise.reject(new Error('no such file'))]) {
    const later = { options: { fontSize: 12 } as { fontSize: number; fontFamily?: string } };
    const asked: string[] = [];
    const changed = new Promise<void>((resolve) =>
      showFontWhenLoaded(later, family, resolve, {
        check: () => false,
        load: (font) => {
          asked.push(font);
          return loading;
        },
      }),
    );
    expect(later.options.fontFamily).toBe('monospace');
    await changed;
    expect([later.options.fontFamily, asked]).toEqual([family, [`12px ${family}`]]);
  }
});
