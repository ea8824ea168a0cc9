import { expect, test } from "vitest";
import type { TensorValue } from "../../graph/tensor-value.ts";
import type { Deployment } from "../deployment.ts";
import { wholeAnswers } from "./whole-answers.ts";

const deployment: Deployment = {
  generation: 1,
  source: "left",
  entering: [],
  outputs: ["y[0:1,0:2]", "y[1:3,0:2]", "__proto__"],
  devices: [
    {
      device: "left",
      generation: 1,
      stages: [],
      receives: [],
      forwards: [],
      answers: ["y[0:1,0:2]", "y[1:3,0:2]", "__proto__"],
      tiling: { extents: { y: [3, 2] }, compositions: [] },
    },
  ],
};

function picture(...bytes: number[]): TensorValue {
  return { dataType: "uint8", shape: [1, 1, bytes.length / 2, 2], data: Uint8Array.from(bytes) };
}

test("answers that come in regions are put together, and others stay as they are", () => {
  const z = { dataType: "uint8", shape: [1], data: Uint8Array.of(7) };
  const answered = {
    "y[1:3,0:2]": picture(3, 4, 5, 6),
    ...Object.fromEntries([["__proto__", z]]),
    "y[0:1,0:2]": picture(1, 2),
  };
  expect(Object.entries(wholeAnswers(deployment, answered)).sort()).toEqual([
    ["__proto__", z],
    ["y", picture(1, 2, 3, 4, 5, 6)],
  ]);
});

test("a region of another size than its name says is TENSOR_SHAPE_MISMATCH", () => {
  const answered = { "y[1:3,0:2]": picture(3, 4), "y[0:1,0:2]": picture(1, 2) };
  expect(() => wholeAnswers(deployment, answered)).toThrow(
    expect.objectContaining({ code: "TENSOR_SHAPE_MISMATCH" }),
  );
});
