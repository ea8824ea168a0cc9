/** Lists of whole numbers, one after the other in one array. */
export interface Rows {
  /** Row r is `items` from `starts[r]` to `starts[r + 1]`. */
  readonly starts: Int32Array;
  readonly items: Int32Array;
}

export function toRows(lists: readonly (readonly number[])[]): Rows {
  const starts = new Int32Array(lists.length + 1);
  lists.forEach((list, row) => {
    starts[row + 1] = (starts[row] as number) + list.length;
  });
  return { starts, items: Int32Array.from(lists.flat()) };
}

/** For each of `count` numbers the rows that it stands in. */
export function invert(lists: readonly (readonly number[])[], count: number): number[][] {
  const found: number[][] = Array.from({ length: count }, () => []);
  lists.forEach((list, row) => {
    for (const item of list) found[item]?.push(row);
  });
  return found;
}
