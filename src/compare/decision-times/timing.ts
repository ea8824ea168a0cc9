import type { Clock } from "../../base/clock.ts";
import { median } from "../statistics.ts";

export interface Timing {
  readonly repeats: number;
  /** Calls are repeated until a sample takes this long, so that the clock can tell it. */
  readonly sampleSeconds: number;
}

/** Calls before anything is measured, so that what runs is compiled. */
const warmUps = 20;

/** Seconds of one call: the median over samples, after a warm-up. */
export function timeOf(
  clock: Clock,
  { repeats, sampleSeconds }: Timing,
  work: () => unknown,
): number {
  const sample = (calls: number): number => {
    const start = clock.now();
    for (let call = 0; call < calls; call++) work();
    return clock.now() - start;
  };
  const first = sample(1);
  // What takes long is warm after a few calls: it runs the same loops again and again.
  sample(Math.max(1, Math.min(warmUps, Math.ceil((10 * sampleSeconds) / Math.max(first, 1e-9)))));
  let calls = 1;
  while (sample(calls) < sampleSeconds && calls < 1e6) calls *= 2;
  return median(Array.from({ length: repeats }, () => sample(calls) / calls));
}
