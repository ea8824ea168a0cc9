import type { Random } from "../../base/random.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Parameter } from "../../plan/envelope/box.ts";

/** How far rates and loads go from what is stated, and how far in one step. */
export const walkRanges = {
  slowestRate: 0.25,
  fastestRate: 2,
  heaviestLoad: 8,
  /** Standard deviations of the logarithm. */
  rateStep: 0.15,
  loadStep: 0.2,
} as const;

/** What changes: both links between neighbours, each alike both ways, and the load of edge and cloud. */
export function walkBox({ links, devices }: Topology): Parameter[] {
  const pairs = [
    ["device", "edge"],
    ["edge", "cloud"],
  ] as const;
  const rates = pairs.map(([one, other]): Parameter => {
    const both = links.flatMap(({ from, to }, link) =>
      (from === one && to === other) || (from === other && to === one) ? [link] : [],
    );
    const nominal = links[both[0] as number]?.bandwidthBitsPerSecond ?? Number.NaN;
    const { slowestRate, fastestRate } = walkRanges;
    return {
      type: "bandwidth",
      links: both,
      least: nominal * slowestRate,
      most: nominal * fastestRate,
    };
  });
  const loads = ["edge", "cloud"].map((tier): Parameter => {
    const device = devices.findIndex(({ name }) => name === tier);
    return { type: "slow-down", device, least: 1, most: walkRanges.heaviestLoad };
  });
  return [...rates, ...loads];
}

/**
 * Values of all parameters, step by step: random walks of their logarithms that turn back at the
 * ends of their ranges. Rates begin as stated, machines without load.
 */
export function* randomWalk(box: readonly Parameter[], random: Random): Generator<number[]> {
  const at = box.map((parameter) =>
    parameter.type === "slow-down"
      ? 0
      : Math.log(parameter.least) - Math.log(walkRanges.slowestRate),
  );
  for (;;) {
    yield at.map((value, position) => within(box[position] as Parameter, Math.exp(value)));
    box.forEach((parameter, position) => {
      const step = parameter.type === "slow-down" ? walkRanges.loadStep : walkRanges.rateStep;
      const moved = (at[position] as number) + step * normal(random);
      at[position] = turnBack(moved, Math.log(parameter.least), Math.log(parameter.most));
    });
  }
}

/** Rounding must not leave the range. */
function within({ least, most }: Parameter, value: number): number {
  return Math.min(most, Math.max(least, value));
}

function turnBack(value: number, low: number, high: number): number {
  if (value < low) return Math.min(high, 2 * low - value);
  return value > high ? Math.max(low, 2 * high - value) : value;
}

/** Box and Muller. */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return radius * Math.cos(2 * Math.PI * random.next());
}
