import { expect, test } from "vitest";
import { codeOf } from "../../test/fixtures/code-of.ts";
import { stringElements } from "../graph/string-value.ts";
import { sampleInputs, sampleTensor } from "./sample-inputs.ts";

test("samples are the same for one seed, valid as indices, and 1 along open dimensions", () => {
  const signature = [
    { name: "x", dataType: "float32", shape: ["N", 300] },
    { name: "i", dataType: "int64", shape: [64] },
  ];
  const first = sampleInputs(signature, 3);
  expect(sampleInputs(signature, 3)).toEqual(first);
  expect(first["x"]?.shape).toEqual([1, 300]);
  const floats = new Float32Array(first["x"]?.data.slice().buffer ?? new ArrayBuffer(0));
  expect(floats.every((value) => value >= 0 && value <= 1)).toBe(true);
  expect(new Set(floats).size).toBeGreaterThan(200);
  const whole = new BigInt64Array(first["i"]?.data.slice().buffer ?? new ArrayBuffer(0));
  expect(new Set(whole)).toEqual(new Set([0n, 1n]));
});

test("what no machine holds is refused before anything is allocated", () => {
  expect(codeOf(() => sampleTensor("float32", [10 ** 12, 4], 1))).toBe("TENSOR_SHAPE_MISMATCH");
  expect(codeOf(() => sampleTensor("string", [10 ** 10], 1))).toBe("TENSOR_SHAPE_MISMATCH");
  expect(codeOf(() => sampleTensor("float32", [0, 10 ** 12], 1))).toBe("none");
});

test("texts are digits, each behind its length", () => {
  const { data } = sampleTensor("string", [64], 1);
  const texts = [...stringElements("text", data)].map((element) =>
    new TextDecoder().decode(element),
  );
  expect(texts).toHaveLength(64);
  expect(new Set(texts)).toEqual(new Set(["0", "1"]));
});

test("packed types and what is no tensor are refused by name", () => {
  for (const dataType of ["int4", "sequence(float32)"]) {
    const signature = [{ name: "text", dataType, shape: [2] }];
    expect(codeOf(() => sampleInputs(signature))).toBe("ONNX_UNSUPPORTED");
  }
});
