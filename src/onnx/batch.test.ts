import { expect, test } from "vitest";
import { bytes } from "../base/units.ts";
import type { Graph } from "../graph/graph.ts";
import { batchAxes, shapesOfBatch } from "./batch.ts";
import { createBuilder } from "./build.ts";

function modelWith(shape: readonly (number | string)[]) {
  const builder = createBuilder({ name: "m" });
  const x = builder.input("x", "float32", shape);
  builder.output(builder.node("Relu", [x], { name: "r" }), "float32", shape);
  return builder.build();
}

const unjoinable = expect.objectContaining({ code: "ONNX_UNSUPPORTED" });

test("binds an open first dimension to the number of requests, and leaves others open that are not given", () => {
  expect(shapesOfBatch(modelWith(["N", 3]), {}, 4)).toEqual({ x: [4, 3] });
  expect(shapesOfBatch(modelWith(["N", 3]), { x: [1, 3] }, 4)).toEqual({ x: [4, 3] });
  expect(shapesOfBatch(modelWith(["N", "T"]), {}, 4)).toEqual({});
  expect(shapesOfBatch(modelWith(["N", "T"]), { x: [1, 9] }, 2)).toEqual({ x: [2, 9] });
});

test("refuses a fixed first dimension, none at all, and a request of several rows, and says what to do", () => {
  expect(() => shapesOfBatch(modelWith([1, 3]), {}, 2)).toThrow(/fixed first dimension; export/);
  expect(() => shapesOfBatch(modelWith([]), {}, 2)).toThrow(unjoinable);
  expect(() => shapesOfBatch(modelWith(["N", 3]), { x: [2, 3] }, 2)).toThrow(/give 1 as its first/);
});

/** A graph of one node that makes `y` from `x`. */
function graphOf(x: readonly number[], y: readonly number[]): Graph {
  const tensor = (name: string, shape: readonly number[]) => {
    return { name, dataType: "float32", shape, bytes: bytes(4 * shape.reduce((a, b) => a * b, 1)) };
  };
  const nodes = [
    {
      name: "n",
      operator: "Op",
      inputs: ["x"],
      outputs: ["y"],
      flop: null,
      parameterBytes: bytes(0),
    },
  ];
  return {
    name: "g",
    inputs: ["x"],
    outputs: ["y"],
    tensors: [tensor("x", x), tensor("y", y)],
    nodes,
  };
}

test("finds the axis along which each tensor grows", () => {
  expect(batchAxes(graphOf([1, 3], [1, 2]), graphOf([4, 3], [4, 2]), 4)).toEqual([0, 0]);
  expect(batchAxes(graphOf([6, 1, 3], [1, 2]), graphOf([6, 4, 3], [4, 2]), 4)).toEqual([1, 0]);
});

test("refuses outputs without a row for each request, and tensors that grow in another way", () => {
  const from = (x: readonly number[], y: readonly number[]) => () =>
    batchAxes(graphOf([1, 3], [1, 2]), graphOf(x, y), 4);
  expect(from([4, 3], [1, 2])).toThrow(/output 'y' has not a row for each request/);
  expect(from([16, 3], [4, 2])).toThrow(/tensor 'x' does not grow with the number/);
  expect(from([4, 3], [4, 8])).toThrow(unjoinable);
  expect(() => batchAxes(graphOf([1, 3], [2, 1]), graphOf([4, 3], [8, 1]), 4)).toThrow(unjoinable);
});
