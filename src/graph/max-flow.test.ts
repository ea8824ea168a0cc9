import fc from "fast-check";
import { expect, test } from "vitest";
import { FlowNetwork } from "./max-flow.ts";

test("cuts the narrow arc of a chain", () => {
  const network = new FlowNetwork(4);
  network.arc(0, 1, 9);
  network.arc(1, 2, 2);
  network.arc(2, 3, 9);
  expect(network.minCut(0, 3)).toEqual({ value: 2, onSinkSide: Uint8Array.from([0, 0, 1, 1]) });
});

test("sends flow back over an arc that was used first", () => {
  const network = new FlowNetwork(4);
  network.arc(0, 1, 1);
  network.arc(0, 2, 1);
  network.arc(1, 2, 1);
  network.arc(1, 3, 1);
  network.arc(2, 3, 1);
  expect(network.minCut(0, 3).value).toBe(2);
});

test("finds nothing to cut where the sink cannot be reached", () => {
  const network = new FlowNetwork(3);
  network.arc(0, 1, 5);
  network.arc(2, 1, 5);
  expect(network.minCut(0, 2).value).toBe(0);
});

test("finds the least of all cuts, and sides that cost exactly that much", () => {
  const vertices = 7;
  const arc = fc.tuple(
    fc.nat(vertices - 1),
    fc.nat(vertices - 1),
    fc.oneof(fc.nat(9), fc.constant(1_000_000)),
    fc.oneof(fc.constant(0), fc.nat(9)),
  );
  fc.assert(
    fc.property(fc.array(arc, { maxLength: 25 }), (arcs) => {
      const network = new FlowNetwork(vertices);
      for (const [from, to, capacity, opposite] of arcs) network.arc(from, to, capacity, opposite);
      const costOf = (onSinkSide: (vertex: number) => boolean): number =>
        arcs.reduce((cost, [from, to, capacity, opposite]) => {
          if (onSinkSide(to) === onSinkSide(from)) return cost;
          return cost + (onSinkSide(to) ? capacity : opposite);
        }, 0);
      const sides = Array.from({ length: 2 ** (vertices - 2) }, (_, mask) =>
        costOf((vertex) => vertex === 6 || (vertex !== 0 && ((mask >> (vertex - 1)) & 1) === 1)),
      );
      const cut = network.minCut(0, 6);
      expect(cut.value).toBe(Math.min(...sides));
      expect(costOf((vertex) => cut.onSinkSide[vertex] === 1)).toBe(cut.value);
    }),
    { numRuns: 1000 },
  );
});
