/** Lines around a change that are shown with it. */
const contextLines = 3;
/** Above so many cells of the table, what differs is told as a whole: nobody reads such a diff. */
const mostCells = 4_000_000;

type Line = { kind: ' ' | '-' | '+'; text: string; before: number; after: number };

/** The change from one text to another as a unified diff without file names; empty when they are the same. */
export function unifiedDiff(before: string, after: string): string {
  if (before === after) return '';
  const lines = compare(split(before), split(after));
  const shown = lines.map((_, index) =>
    lines.slice(Math.max(0, index - contextLines), index + contextLines + 1).some(({ kind }) => kind !== ' '),
  );
  const text: string[] = [];
  for (let index = 0; index < lines.length; ) {
    if (!shown[index]) {
      index++;
      continue;
    }
    let end = index;
    while (end < lines.length && shown[end]) end++;
    const hunk = lines.slice(index, end);
    text.push(`@@ -${range(hunk, 'before', '+')} +${range(hunk, 'after', '-')} @@`);
    text.push(...hunk.map(({ kind, text: line }) => kind + line));
    index = end;
  }
  return `${text.join('\n')}\n`;
}

/** First line and number of lines; of none, the line before them, as patch(1) wants it. */
function range(hunk: Line[], side: 'before' | 'after', other: '-' | '+'): string {
  const count = hunk.filter(({ kind }) => kind !== other).length;
  return `${hunk[0]![side] + (count === 0 ? 0 : 1)},${count}`;
}

const split = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

/** Longest common subsequence, once what both begin and end with is set aside. */
function compare(before: string[], after: string[]): Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let tail = 0;
  while (
    tail < before.length - start &&
    tail < after.length - start &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail++;
  const [rows, columns] = [before.length - start - tail, after.length - start - tail];
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  const put = (kind: Line['kind']): void => {
    lines.push({ kind, text: kind === '+' ? after[j]! : before[i]!, before: i, after: j });
    if (kind !== '+') i++;
    if (kind !== '-') j++;
  };
  while (i < start) put(' ');
  const lengths = rows * columns > mostCells ? undefined : commonLengths(before, after, { start, rows, columns });
  const at = (row: number, column: number): number => lengths?.[row * (columns + 1) + column] ?? 0;
  while (i < start + rows || j < start + columns) {
    const [row, column] = [i - start, j - start];
    if (lengths && row < rows && column < columns && before[i] === after[j]) put(' ');
    else if (row < rows && (column >= columns || at(row + 1, column) >= at(row, column + 1))) put('-');
    else put('+');
  }
  while (i < before.length) put(' ');
  return lines;
}

function commonLengths(
  before: string[],
  after: string[],
  { start, rows, columns }: { start: number; rows: number; columns: number },
): Uint32Array {
  const lengths = new Uint32Array((rows + 1) * (columns + 1));
  for (let row = rows - 1; row >= 0; row--)
    for (let column = columns - 1; column >= 0; column--) {
      const here = row * (columns + 1) + column;
      lengths[here] =
        before[start + row] === after[start + column]
          ? lengths[here + columns + 2]! + 1
          : Math.max(lengths[here + columns + 1]!, lengths[here + 1]!);
    }
  return lengths;
}
