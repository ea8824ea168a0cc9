import fc from "fast-check";
import { expect, test } from "vitest";
import { bytes, seconds, secondsPerByte } from "../base/units.ts";
import { type Graph, indexGraph } from "../graph/graph.ts";
import { boundaryOf, fitParts, predictPart, quantile, scaleToWhole } from "./fit.ts";

test("node seconds keep their proportions and add up to the whole run", () => {
  expect(scaleToWhole([1, 3], 8)).toEqual([2, 6]);
});

test("kernels too short to be measured share the whole run equally", () => {
  expect(scaleToWhole([0, 0], 8)).toEqual([4, 4]);
});

const whole = { receivedTensors: 0, bytes: 0, nodeSeconds: 2, measuredSeconds: 2 };

test("the fit finds the factor and the costs that parts were made with", () => {
  const made = fc.record({
    nodeScale: fc.double({ min: 0.8, max: 1.2, noNaN: true }),
    overheadSeconds: fc.double({ min: 1e-6, max: 1e-3, noNaN: true }),
    boundarySecondsPerByte: fc.double({ min: 1e-11, max: 1e-8, noNaN: true }),
  });
  const shapes = [
    { receivedTensors: 0, bytes: 3_000_000, nodeSeconds: 0.01 },
    { receivedTensors: 1, bytes: 200_000, nodeSeconds: 0.02 },
    { receivedTensors: 3, bytes: 1_000_000, nodeSeconds: 0.005 },
    { receivedTensors: 2, bytes: 10_000, nodeSeconds: 0.03 },
  ];
  fc.assert(
    fc.property(made, ({ nodeScale, ...costs }) => {
      const known = {
        overheadSeconds: seconds(costs.overheadSeconds),
        boundarySecondsPerByte: secondsPerByte(costs.boundarySecondsPerByte),
      };
      const samples = shapes.map((shape) => ({
        ...shape,
        measuredSeconds: predictPart(nodeScale * shape.nodeSeconds, shape, known),
      }));
      const found = fitParts(samples);
      expect(found.nodeScale / nodeScale).toBeCloseTo(1, 5);
      expect(found.overheadSeconds / costs.overheadSeconds).toBeCloseTo(1, 3);
      expect(found.boundarySecondsPerByte / costs.boundarySecondsPerByte).toBeCloseTo(1, 3);
    }),
  );
});

test("parts that are faster than their nodes shrink the nodes; no cost becomes negative", () => {
  const part = { receivedTensors: 1, bytes: 1000, nodeSeconds: 1, measuredSeconds: 0.9 };
  const { nodeScale, overheadSeconds, boundarySecondsPerByte } = fitParts([whole, part, part]);
  expect({ overheadSeconds, boundarySecondsPerByte }).toEqual({
    overheadSeconds: 0,
    boundarySecondsPerByte: 0,
  });
  expect(nodeScale).toBeGreaterThan(0.9);
  expect(nodeScale).toBeLessThan(1);
});

test("without parts nothing changes", () => {
  const unchanged = { nodeScale: 1, overheadSeconds: 0, boundarySecondsPerByte: 0 };
  expect(fitParts([])).toEqual(unchanged);
  expect(fitParts([whole])).toEqual(unchanged);
});

test("a received tensor counts once and a sent one once; the graph's own ends do not count", () => {
  const tensor = (name: string, size: number) => ({
    name,
    dataType: "uint8",
    shape: [size],
    bytes: bytes(size),
  });
  const node = (name: string, inputs: string[], outputs: string[]) => ({
    name,
    operator: "Any",
    inputs,
    outputs,
    flop: null,
    parameterBytes: bytes(0),
  });
  const graph: Graph = {
    name: "fork",
    inputs: ["x"],
    outputs: ["d"],
    tensors: [tensor("x", 1000), tensor("a", 100), tensor("b", 10), tensor("c", 1), tensor("d", 5)],
    nodes: [
      node("na", ["x"], ["a"]),
      node("nb", ["a"], ["b"]),
      node("nc", ["a"], ["c"]),
      node("nd", ["b", "c", "a"], ["d"]),
    ],
  };
  const index = indexGraph(graph);
  expect(boundaryOf(index, new Set([0]))).toEqual({ receivedTensors: 0, bytes: 100 });
  expect(boundaryOf(index, new Set([1, 2]))).toEqual({ receivedTensors: 1, bytes: 111 });
  expect(boundaryOf(index, new Set([3]))).toEqual({ receivedTensors: 3, bytes: 111 });
  expect(boundaryOf(index, new Set([0, 1, 2, 3]))).toEqual({ receivedTensors: 0, bytes: 0 });
});

test("a quantile is one of the values", () => {
  expect([0, 0.5, 0.9, 1].map((at) => quantile([4, 1, 3, 2, 5], at))).toEqual([1, 3, 5, 5]);
});
