import { expect, test } from "vitest";
import { createRandom, type Random } from "../../base/random.ts";
import { latticeAlong } from "../../graph/ideals.ts";
import { StageGrowth } from "./stage-chain/growth.ts";
import { improveChain } from "./stage-chain/improve.ts";
import {
  chainSeconds,
  type DeviceClass,
  fitsIn,
  type StageChain,
  type StageModel,
  stageSeconds,
} from "./stage-chain/model.ts";
import { minimiseStages, type StageProgress, stageSearchLimits } from "./stage-chain.ts";

test("splits a chain between two equal devices where the cut costs least", () => {
  // Three units of 4 s; the tensor behind the first costs 1 s, that behind the second 3 s.
  const model = chainModel([4, 4, 4], [1, 3], 2);
  expect(last(model)).toMatchObject({ seconds: 9, bound: 9, isProven: true });
  expect(last(model).chain).toEqual([
    { deviceClass: 0, units: [0] },
    { deviceClass: 0, units: [1, 2] },
  ]);
});

test("leaves devices out when passing tensors on costs more than it saves", () => {
  expect(last(chainModel([4, 4, 4], [9, 9], 3))).toMatchObject({ seconds: 12, isProven: true });
});

test("says that there is no chain where memory holds none", () => {
  const model = { ...chainModel([4, 4], [1], 1), unitBytes: Float64Array.of(1, 2) };
  const classes = model.classes.map((one) => ({ ...one, roomBytes: 2 }));
  expect(last({ ...model, classes })).toMatchObject({
    chain: null,
    bound: Number.POSITIVE_INFINITY,
  });
});

test("plans on the faster ones where more devices differ than can be counted apart", () => {
  const model = chainModel([4, 4, 4, 4], [1, 1, 1], 1);
  const [first] = model.classes as [DeviceClass];
  const classes = Array.from({ length: 40 }, (_, slower) => ({
    ...first,
    seconds: first.seconds.map((seconds) => seconds * (1 + slower / 10)),
  }));
  const end = last({ ...model, classes });
  // A node each on the four fastest, the two slower ones at the ends.
  expect(end.seconds).toBeCloseTo(6.4, 9);
  expect(end.bound).toBeLessThanOrEqual(end.seconds);
});

test("proves the best plan of more devices than can be counted, where there are enough of them", () => {
  // A tensor costs both ends 1 s: units by themselves take 6 s, all but those at the ends.
  const model = chainModel([4, 4, 4, 4, 4, 4], [1, 1, 1, 1, 1], 100);
  const [first] = model.classes as [DeviceClass];
  const classes = [1, 2, 4].map((slower) => ({
    ...first,
    seconds: first.seconds.map((seconds) => seconds * slower),
  }));
  expect(last({ ...model, classes })).toMatchObject({ seconds: 6, bound: 6, isProven: true });
});

test("counts on no device that is not there, however many there are of others", () => {
  for (let seed = 1; seed <= 25; seed++) {
    const model = randomModel(createRandom(seed));
    const more = { ...(model.classes[0] as DeviceClass), isSource: false, isSink: false };
    // One that runs everything badly, and too many of it to count with the others.
    const bad = Array.from({ length: 3 }, (_, worse) => ({
      ...more,
      count: 200,
      seconds: more.seconds.map((seconds) => 1000 * (1 + worse) + seconds),
    }));
    const best = bestOfAll(model);
    const end = last({ ...model, classes: [...model.classes, ...bad] });
    if (best === null) continue;
    expect(end.seconds, `seed ${seed}`).toBeCloseTo(best, 9);
    expect(end.bound, `seed ${seed}`).toBeLessThanOrEqual(best * (1 + 1e-9));
  }
});

test("finds the best of all placements whose devices form a pipeline, and proves it", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const model = randomModel(createRandom(seed));
    const best = bestOfAll(model);
    const steps = all(model, seed);
    const end = steps.at(-1) as StageProgress;
    expect(end.isProven, `seed ${seed}`).toBe(true);
    if (best === null) {
      expect(end, `seed ${seed}`).toMatchObject({ chain: null });
      continue;
    }
    expect(end.seconds, `seed ${seed}`).toBeCloseTo(best, 9);
    for (const { bound, seconds, chain } of steps) {
      expect(bound, `seed ${seed}`).toBeLessThanOrEqual(best * (1 + 1e-9));
      if (chain !== null) expect(seconds, `seed ${seed}`).toBe(chainSeconds(model, chain));
    }
  }
});

test("bounds from below what it cannot search through", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const model = randomModel(createRandom(seed));
    const best = bestOfAll(model);
    const { bound, seconds, chain } = all(model, seed, 3).at(-1) as StageProgress;
    if (best === null) continue;
    expect(bound, `seed ${seed}`).toBeLessThanOrEqual(best * (1 + 1e-9));
    expect(seconds, `seed ${seed}`).toBeGreaterThanOrEqual(best * (1 - 1e-9));
    for (const { deviceClass, units } of chain ?? []) {
      expect(fitsIn(model, model.classes[deviceClass] as DeviceClass, units)).toBe(true);
    }
  }
});

test("grows stages to the loads that they have when counted at once", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const model = randomModel(createRandom(seed));
    const count = model.predecessors.length;
    const growth = new StageGrowth(model, latticeAlong([[...model.predecessors.keys()]]));
    model.classes.forEach((one, deviceClass) => {
      for (let before = 0; before < count; before++) {
        growth.start(deviceClass, before);
        const units: number[] = [];
        for (let unit = before; unit < count && Number.isFinite(one.seconds[unit]); unit++) {
          if (growth.add(unit, unit, unit + 1) === Number.POSITIVE_INFINITY) break;
          units.push(unit);
          const counted = stageSeconds(model, one, units);
          expect(growth.seconds(unit + 1), `seed ${seed}`).toBeCloseTo(counted, 9);
        }
      }
    });
  }
});

test("moves units to chains that are allowed and better", () => {
  let improved = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const random = createRandom(seed);
    const model = randomModel(random);
    const start = randomChain(model, random);
    if (start === null) continue;
    let seconds = chainSeconds(model, start);
    for (const chain of improveChain(model, start, random)) {
      if (chain === null) continue;
      expect(chainSeconds(model, chain), `seed ${seed}`).toBeLessThan(seconds);
      seconds = chainSeconds(model, chain);
      expect(isAllowed(model, chain), `seed ${seed}`).toBe(true);
      improved++;
    }
  }
  expect(improved).toBeGreaterThan(10);
});

function last(model: StageModel): StageProgress {
  return all(model, 1).at(-1) as StageProgress;
}

function all(model: StageModel, seed: number, mostIdeals = 1000): StageProgress[] {
  const found: StageProgress[] = [];
  const limits = { ...stageSearchLimits, mostIdeals };
  const search = minimiseStages(model, createRandom(seed), limits);
  for (;;) {
    const { done, value } = search.next();
    if (value !== null) found.push(value);
    if (done === true) return found;
  }
}

/** Units one after the other on equal devices; a tensor costs both ends the same. */
function chainModel(seconds: number[], prices: number[], count: number): StageModel {
  const term = {
    isComputing: true,
    enter: Float64Array.from(prices),
    leave: Float64Array.from(prices),
  };
  return {
    predecessors: seconds.map((_, unit) => (unit === 0 ? [] : [unit - 1])),
    flows: prices.map((_, unit) => ({ producer: unit, consumers: [unit + 1], isDelivered: false })),
    classes: [
      {
        count,
        seconds: Float64Array.from(seconds),
        terms: [term],
        roomBytes: null,
        isSource: false,
        isSink: false,
      },
    ],
    unitBytes: new Float64Array(seconds.length),
    alive: null,
    constantSeconds: 0,
  };
}

function randomModel(random: Random): StageModel {
  const units = 2 + random.integer(4);
  const prices = () => Float64Array.from(flows, () => random.integer(6));
  const flows: { producer: number | null; consumers: number[]; isDelivered: boolean }[] = [];
  const predecessors: number[][] = Array.from({ length: units }, () => []);
  for (let flow = 0; flow < units + 2; flow++) {
    const producer = flow < units ? flow : null;
    const consumers = [...predecessors.keys()].filter(
      (unit) => unit > (producer ?? -1) && random.next() < 0.4,
    );
    const isDelivered = random.next() < 0.3;
    if (consumers.length === 0 && !isDelivered) continue;
    if (producer !== null) for (const unit of consumers) predecessors[unit]?.push(producer);
    flows.push({ producer, consumers, isDelivered });
  }
  const kinds = 1 + random.integer(3);
  const sourceAt = random.integer(kinds + 1);
  const sinkAt = random.integer(kinds + 1);
  const classes = Array.from({ length: kinds }, (_, kind): DeviceClass => {
    const isEnd = kind === sourceAt || kind === sinkAt;
    const zeros = () => new Float64Array(flows.length);
    const terms = [
      { isComputing: true, enter: prices(), leave: prices() },
      { isComputing: false, enter: prices(), leave: zeros() },
      { isComputing: false, enter: zeros(), leave: prices() },
    ];
    return {
      count: isEnd || kind > 0 ? 1 : 1 + random.integer(2),
      seconds: Float64Array.from({ length: units }, () =>
        random.next() < 0.1 ? Number.POSITIVE_INFINITY : random.integer(10),
      ),
      terms: terms.slice(0, 1 + random.integer(3)),
      roomBytes: random.next() < 0.3 ? 2 + random.integer(12) : null,
      isSource: kind === sourceAt,
      isSink: kind === sinkAt,
    };
  });
  const most = Float64Array.from({ length: units }, () => random.integer(3));
  return {
    predecessors,
    flows,
    classes,
    unitBytes: Float64Array.from({ length: units }, () => random.integer(4)),
    alive:
      random.next() < 0.5
        ? null
        : { most, of: (some) => Math.max(0, ...some.map((unit) => most[unit] as number)) },
    constantSeconds: random.next() < 0.2 ? random.integer(20) : 0,
  };
}

/** The least period over all placements on devices that form a pipeline; `null`: none is allowed. */
function bestOfAll(model: StageModel): number | null {
  const devices = model.classes.flatMap(({ count }, one) => Array<number>(count).fill(one));
  const placement = model.predecessors.map(() => 0);
  let best: number | null = null;
  const place = (unit: number): void => {
    if (unit < placement.length) {
      for (let device = 0; device < devices.length; device++) {
        placement[unit] = device;
        place(unit + 1);
      }
      return;
    }
    const chain = devices
      .map((deviceClass, device) => ({
        deviceClass,
        units: [...placement.keys()].filter((other) => placement[other] === device),
      }))
      .filter(({ units }) => units.length > 0);
    const order = chain.length > 0 ? inOrder(model, chain) : [];
    if (order === null || !isAllowed(model, order)) return;
    const seconds = chainSeconds(model, order);
    if (best === null || seconds < best) best = seconds;
  };
  place(0);
  return best;
}

/** The stages so that none reads what a later one makes; `null`: there is no such order. */
function inOrder(model: StageModel, chain: StageChain): StageChain | null {
  const left = [...chain];
  const order: StageChain[number][] = [];
  while (left.length > 0) {
    const done = new Set(order.flatMap(({ units }) => units));
    const next = left.findIndex(({ units }) =>
      units.every((unit) =>
        model.predecessors[unit]?.every((other) => done.has(other) || units.includes(other)),
      ),
    );
    if (next < 0) return null;
    order.push(...left.splice(next, 1));
  }
  return order;
}

function isAllowed(model: StageModel, chain: StageChain): boolean {
  const isRunnable = chain.every(({ deviceClass, units }) => {
    const on = model.classes[deviceClass] as DeviceClass;
    return units.every((unit) => Number.isFinite(on.seconds[unit])) && fitsIn(model, on, units);
  });
  return isRunnable && inOrder(model, chain) !== null;
}

/** Units dealt to devices in their order; `null`: that is not allowed. */
function randomChain(model: StageModel, random: Random): StageChain | null {
  const devices = random.shuffle(
    model.classes.flatMap(({ count }, one) => Array<number>(count).fill(one)),
  );
  let at = 0;
  const units: number[][] = devices.map(() => []);
  for (const unit of model.predecessors.keys()) {
    if (random.next() < 0.3) at = Math.min(at + 1, devices.length - 1);
    units[at]?.push(unit);
  }
  const chain = devices
    .map((deviceClass, device) => ({ deviceClass, units: units[device] as number[] }))
    .filter((stage) => stage.units.length > 0);
  return isAllowed(model, chain) ? chain : null;
}
