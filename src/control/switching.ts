import type { State } from "../cost/state.ts";
import type { Placement, Problem } from "../plan/problem.ts";

export interface SwitchingOptions {
  /** Position of the device that weights come from. Default: the source. */
  readonly weightsFrom?: number;
  /**
   * Loading a part takes a device of speed 1 this long whatever it weighs.
   * @default 0.1
   */
  readonly loadSeconds?: number;
  /**
   * … and this long for each byte of parameters.
   * @default 1e-9
   */
  readonly loadSecondsPerByte?: number;
}

/** By device: nodes whose weights it has. What was there once stays in its cache. */
export type Holdings = readonly ReadonlySet<number>[];

/** Each device has what a placement puts there, beside what it had. */
export function holding(problem: Problem, held: Holdings | null, placement: Placement): Holdings {
  return problem.devices.map((_, device) => {
    const own = new Set(held?.[device]);
    placement.forEach((on, node) => {
      if (on === device) own.add(node);
    });
    return own;
  });
}

/**
 * How long a placement takes to prepare beside the one that serves: the bytes of weights that devices
 * have never had over the links on their way, in the present state, then loading; devices load at the
 * same time. A way that does not exist counts nothing: nobody knows how the weights come.
 *
 * O(nodes + devices · links) time.
 */
export function switchingSeconds(
  problem: Problem,
  state: State,
  held: Holdings,
  placement: Placement,
  { weightsFrom = problem.source, loadSeconds = 0.1, loadSecondsPerByte = 1e-9 }: SwitchingOptions,
): number {
  const { nodes } = problem.profile.graph;
  const missing = problem.devices.map(() => 0);
  const loaded = problem.devices.map(() => 0);
  placement.forEach((device, node) => {
    const bytes = nodes[node]?.parameterBytes ?? 0;
    loaded[device] = (loaded[device] as number) + bytes;
    if (held[device]?.has(node) !== true) missing[device] = (missing[device] as number) + bytes;
  });
  const wire = new Map<number | string, number>();
  missing.forEach((bytes, device) => {
    if (bytes === 0 || device === weightsFrom) return;
    const route = problem.hops.route(weightsFrom, device, problem.hops.samples[0] ?? 0) ?? [];
    for (const link of route) {
      const key = problem.topology.links[link]?.medium ?? link;
      const seconds = (8 * bytes) / (state.bandwidthBitsPerSecond[link] as number);
      wire.set(key, (wire.get(key) ?? 0) + seconds);
    }
  });
  const used = new Set(placement);
  const loading = [...used].map((device) => {
    const seconds = loadSeconds + loadSecondsPerByte * (loaded[device] as number);
    const { speed } = problem.topology.devices[device] as { readonly speed: number };
    return (seconds * (state.slowDown[device] as number)) / speed;
  });
  return Math.max(0, ...wire.values()) + Math.max(0, ...loading);
}
