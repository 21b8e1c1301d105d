/**
 * OpenSSH's patterns: "*" is anything, "?" one letter, everything else itself. With `classes` also "[a-c]", "[!a]", as file names have it.
 * Takes time in proportion to both lengths, whatever is written: a regular expression would not.
 */
export function matchesPattern(text: string, pattern: string, { classes = false } = {}): boolean {
  const parts = partsOf(pattern, classes);
  let at = 0;
  let part = 0;
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    const want = parts[part];
    if (want === '*') {
      star = part++;
      starAt = at;
    } else if (want?.(text[at] ?? '')) {
      at++;
      part++;
    } else if (star >= 0) {
      // The last star takes one letter more.
      part = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (parts[part] === '*') part++;
  return part === parts.length;
}

type Part = '*' | ((letter: string) => boolean);

function partsOf(pattern: string, classes: boolean): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at] ?? '';
    const end = classes && letter === '[' ? pattern.indexOf(']', at + 2) : -1;
    if (letter === '*') {
      if (parts.at(-1) !== '*') parts.push('*');
    } else if (letter === '?') parts.push(() => true);
    else if (end > 0) {
      parts.push(classOf(pattern.slice(at + 1, end)));
      at = end;
    } else parts.push((one) => one === letter);
  }
  return parts;
}

function classOf(inside: string): (letter: string) => boolean {
  const negated = /^[!^]/.test(inside);
  const members = negated ? inside.slice(1) : inside;
  const ranges: [string, string][] = [];
  for (let at = 0; at < members.length; at++) {
    const from = members[at] ?? '';
    const to = members[at + 1] === '-' ? members[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  return (letter) => ranges.some(([from, to]) => letter >= from && letter <= to) !== negated;
}

/** A list separated by commas, of which entries with "!" exclude: OpenSSH's match_pattern_list, letters' case aside. */
export function matchesList(text: string, list: string): boolean {
  const lower = text.toLowerCase();
  let found = false;
  for (const entry of list.toLowerCase().split(',')) {
    const negated = entry.startsWith('!');
    if (!matchesPattern(lower, negated ? entry.slice(1) : entry)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}
