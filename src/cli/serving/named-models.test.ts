import { expect, test } from "vitest";
import { errorOf } from "../../../test/fixtures/code-of.ts";
import { readNamedModels } from "./named-models.ts";

test("models are served under the names of their files, or those that are given", () => {
  expect(readNamedModels(["a/yolo.onnx", "zoo:vgg16?width=0.5", "x=b.onnx"], ["x=5/s"])).toEqual([
    { name: "yolo", argument: "a/yolo.onnx", requestsPerSecond: null },
    { name: "vgg16", argument: "zoo:vgg16?width=0.5", requestsPerSecond: null },
    { name: "x", argument: "b.onnx", requestsPerSecond: 5 },
  ]);
});

test.each([
  [["a.onnx", "b/a.onnx"], []],
  [["A.onnx", "a.onnx"], []],
  [["../..onnx"], []],
  [["my model.onnx"], []],
  [[`${"a".repeat(129)}.onnx`], []],
  [["a.onnx"], ["b=5/s"]],
  [["a.onnx"], ["a=0/s"]],
  [["a.onnx"], ["a=5"]],
])("refuses %j at %j", (words, rates) => {
  expect(errorOf(() => readNamedModels(words, rates))).toMatch(
    /^USAGE_INVALID: .*(NAME|none of|rate)/,
  );
});
