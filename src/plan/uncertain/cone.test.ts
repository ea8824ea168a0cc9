import { expect, test } from "vitest";
import { createRandom, type Random } from "../../base/random.ts";
import { readTopology } from "../../cost/topology-file.ts";
import type { WeightedState } from "../../cost/trace.ts";
import { Cone } from "./cone.ts";
import { lowPoint } from "./low-point.ts";
import { costOf, type SetLine, StateSet } from "./state-set.ts";

const topology = readTopology(`
format: partita.topology/1
devices: [{ name: camera }, { name: cloud, tier: cloud }]
links: [{ between: [camera, cloud], bandwidth: 8 Mbit/s }]
source: camera
`);

/** Four parameters that vary by themselves: two links, two devices. */
function randomStates(random: Random, count: number): WeightedState[] {
  return Array.from({ length: count }, () => ({
    state: {
      bandwidthBitsPerSecond: [1e6 * 2 ** (4 * random.next()), 1e6 * 2 ** (4 * random.next())],
      slowDown: [1 + random.next(), 1 + 4 * random.next()],
    },
    weightSeconds: 1 + random.integer(5),
  }));
}

function randomLine(random: Random, set: StateSet): SetLine {
  const factors = set.means.map((mean) => (random.next() < 0.3 ? 0 : random.next() / mean));
  return { constant: random.next(), factors };
}

test("what varies in step is one parameter, and stays in step", () => {
  const states = [1e6, 2e6, 5e6].map((rate) => ({
    state: { bandwidthBitsPerSecond: [rate, 3 * rate], slowDown: [1, 1] },
    weightSeconds: 1,
  }));
  const set = new StateSet(topology, states);
  expect(set.width).toBe(1);
  const [up = 0, down = 0] = set.stateOf(set.means).bandwidthBitsPerSecond;
  expect(up).toBeCloseTo(3 / (1 / 1e6 + 1 / 2e6 + 1 / 5e6), 3);
  expect(down / up).toBeCloseTo(3, 9);
  const { constant, factors } = set.reduce({ constant: 1, perLink: [6e6, 6e6], perDevice: [2, 0] });
  expect(constant).toBe(3);
  expect(costOf({ constant, factors }, set.vector(0))).toBeCloseTo(3 + 6 + 2, 9);
});

test("more weight than is left out of a quantile lies at or above a low point", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = createRandom(seed);
    const set = new StateSet(topology, randomStates(random, 30));
    const lines = [randomLine(random, set), randomLine(random, set)];
    const quantile = random.pick([0.5, 0.9, 0.97]);
    const worth = (point: Float64Array) => Math.min(...lines.map((line) => costOf(line, point)));
    const low = lowPoint(set, quantile, worth);
    let above = 0;
    set.weights.forEach((weight, state) => {
      if (set.vector(state).every((value, axis) => value >= (low[axis] as number))) above += weight;
    });
    expect(above, `seed ${seed}`).toBeGreaterThan(1 - quantile);
    for (const line of lines) {
      const reached = set.quantile(set.costs(line), quantile);
      expect(costOf(line, low), `seed ${seed}`).toBeLessThanOrEqual(reached * (1 + 1e-12));
    }
  }
});

test("cones cover all lines, and their thresholds bound the quantile of each", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = createRandom(seed);
    const set = new StateSet(topology, randomStates(random, 40));
    const lines = Array.from({ length: 5 }, () => randomLine(random, set));
    let cones: Cone[] = [Cone.whole(set, 0.9, lines)];
    const losses: number[] = [];
    for (let depth = 0; depth < 5; depth++) {
      let loss = 0;
      for (const line of lines) {
        const inside = cones.flatMap((cone) => {
          const own = cone.within(line);
          return own === null ? [] : costOf(own, cone.thresholds);
        });
        expect(inside.length, `seed ${seed}`).toBeGreaterThan(0);
        const reached = set.quantile(set.costs(line), 0.9);
        for (const bound of inside) expect(bound).toBeLessThanOrEqual(reached * (1 + 1e-9));
        loss += reached - Math.max(...inside);
      }
      losses.push(loss);
      cones = cones.flatMap((cone) => cone.split(lines) ?? []);
    }
    expect(losses.at(-1), `seed ${seed}`).toBeLessThan(losses[0] as number);
  }
});
