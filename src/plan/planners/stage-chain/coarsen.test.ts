import { expect, test } from "vitest";
import { coarsenTo, joinUnits, refineChain } from "./coarsen.ts";
import { chainSeconds, type StageModel } from "./model.ts";

test("charges a chain of joined units as the chain of their members", () => {
  const model = ladder(6);
  const coarse = joinUnits(model, [
    [0, 1, 2],
    [7, 8, 9],
  ]);
  const half = Math.floor(coarse.units.length / 2);
  const chain = [
    { deviceClass: 0, units: [...coarse.units.keys()].slice(0, half) },
    { deviceClass: 0, units: [...coarse.units.keys()].slice(half) },
  ];
  const fine = refineChain(coarse, chain);
  expect(fine.flatMap(({ units }) => units).length).toBe(model.predecessors.length);
  expect(chainSeconds(coarse.model, chain)).toBeCloseTo(chainSeconds(model, fine), 12);
});

test("joins units until there are few enough ideals", () => {
  const model = ladder(40);
  const joined = coarsenTo(model, null, 500);
  expect(joined?.lattice.ideals.count).toBeLessThanOrEqual(500);
  expect(joined?.coarse.units.flat().sort((a, b) => a - b)).toEqual([...model.predecessors.keys()]);
});

test("leaves units apart near the borders of a chain", () => {
  const model = ladder(40);
  const units = [...model.predecessors.keys()];
  const chain = [
    { deviceClass: 0, units: units.slice(0, 40) },
    { deviceClass: 0, units: units.slice(40) },
  ];
  const joined = coarsenTo(model, chain, 500);
  const withBorder = joined?.coarse.units.filter((members) =>
    members.some((unit) => unit >= 38 && unit < 42),
  );
  expect(withBorder?.every((members) => members.length === 1)).toBe(true);
});

test("gives up where units are too many even when they are joined", () => {
  const apart = { ...ladder(20), flows: [], predecessors: Array.from({ length: 40 }, () => []) };
  expect(coarsenTo(apart, null, 1000)).toBeNull();
});

/** Two chains side by side, one unit of each in turn: (length + 1)² ideals. */
function ladder(length: number): StageModel {
  const count = 2 * length;
  const flows = Array.from({ length: count - 2 }, (_, unit) => ({
    producer: unit,
    consumers: [unit + 2],
    isDelivered: false,
  }));
  const prices = Float64Array.from(flows, (_, flow) => 0.1 + (flow % 3));
  return {
    predecessors: Array.from({ length: count }, (_, unit) => (unit < 2 ? [] : [unit - 2])),
    flows,
    classes: [
      {
        count: 2,
        seconds: Float64Array.from({ length: count }, (_, unit) => 1 + (unit % 5)),
        terms: [{ isComputing: true, enter: prices, leave: prices }],
        roomBytes: null,
        isSource: false,
        isSink: false,
      },
    ],
    unitBytes: new Float64Array(count),
    alive: null,
    constantSeconds: 0,
  };
}
