import fc from "fast-check";
import { expect, test } from "vitest";
import { additiveFactors, formatObjective, parseObjective } from "./objective.ts";

test("reads names and weighted sums with their units", () => {
  expect(parseObjective(" latency ")).toEqual({ type: "latency" });
  expect(parseObjective("latency + 0.2 s/J · energy")).toEqual({
    type: "weighted",
    latency: 1,
    energySecondsPerJoule: 0.2,
  });
  expect(parseObjective("2*latency+1e-3 s/J*energy")).toEqual({
    type: "weighted",
    latency: 2,
    energySecondsPerJoule: 0.001,
  });
});

test("refuses a sum without units and says what to write", () => {
  expect(() => parseObjective("latency + 0.2 energy")).toThrow("s/J");
  expect(() => parseObjective("speed")).toThrow('"speed" is unknown');
});

test("reads back what it writes", () => {
  const factor = fc.double({ min: 0, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(factor, factor, (latency, energySecondsPerJoule) => {
      const objective = { type: "weighted", latency, energySecondsPerJoule } as const;
      expect(parseObjective(formatObjective(objective))).toEqual({
        ...objective,
        // Text knows no negative zero.
        latency: latency + 0,
        energySecondsPerJoule: energySecondsPerJoule + 0,
      });
    }),
  );
});

test("is no sum for throughput", () => {
  expect(additiveFactors({ type: "throughput" })).toBeNull();
  expect(additiveFactors({ type: "energy" })).toEqual({ latency: 0, energy: 1 });
});
