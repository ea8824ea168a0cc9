/**
 * The division of a chain whose cuts cost least in sum, each part allowed for itself.
 *
 * O(places²) time. Of equal ones that whose last part begins first.
 *
 * @param count places 0 to `count`: a part goes from one to another
 * @param cost of a cut at a place
 * @returns where the parts begin, the first at 0; `null`: some place is in no allowed part
 * @see Parthasarathy and Krishnamachari, "Partitioning and placement of deep neural networks on
 * distributed edge devices to maximize inference throughput", ITNAC 2022
 */
export function leastSumParts(
  count: number,
  cost: (start: number) => number,
  fits: (start: number, end: number) => boolean,
): number[] | null {
  const best = new Float64Array(count + 1).fill(Number.POSITIVE_INFINITY);
  const from = new Int32Array(count + 1);
  best[0] = 0;
  for (let end = 1; end <= count; end++) {
    for (let start = 0; start < end; start++) {
      const total = (best[start] as number) + (start === 0 ? 0 : cost(start));
      if (total >= (best[end] as number) || !fits(start, end)) continue;
      best[end] = total;
      from[end] = start;
    }
  }
  if (best[count] === Number.POSITIVE_INFINITY) return null;
  const starts: number[] = [];
  for (let end = count; end > 0; end = from[end] as number) starts.unshift(from[end] as number);
  return starts;
}
