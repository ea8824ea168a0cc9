import { expect, test } from "vitest";
import { errorOf } from "../../../test/fixtures/code-of.ts";
import { readNamedModels, refuseForSeveral } from "./named-models.ts";

const nothing = { rate: [], maxBatch: [], maxWait: [] };

test("models are served under the names of their files, or those that are given", () => {
  const words = ["a/yolo.onnx", "zoo:vgg16?width=0.5", "x=b.onnx"];
  expect(readNamedModels(words, { ...nothing, rate: ["x=5/s"] })).toEqual([
    { name: "yolo", argument: "a/yolo.onnx", requestsPerSecond: null, joining: null },
    { name: "vgg16", argument: "zoo:vgg16?width=0.5", requestsPerSecond: null, joining: null },
    { name: "x", argument: "b.onnx", requestsPerSecond: 5, joining: null },
  ]);
});

test("requests are joined as is said for all models, or for one", () => {
  const joinings = (maxBatch: string[], maxWait: string[]) =>
    readNamedModels(["a.onnx", "b.onnx"], { ...nothing, maxBatch, maxWait }).map(
      ({ joining }) => joining,
    );
  expect(joinings(["8", "b=2"], ["a=5 ms"])).toEqual([
    { most: 8, waitSeconds: 0.005 },
    { most: 2, waitSeconds: 0 },
  ]);
  expect(joinings(["b=2"], [])).toEqual([null, { most: 2, waitSeconds: 0 }]);
  expect(errorOf(() => joinings(["8", "4"], []))).toMatch(/^USAGE_INVALID: --max-batch .*twice/);
  expect(errorOf(() => joinings(["a=8"], ["5 ms"]))).toMatch(/^USAGE_INVALID: --max-wait/);
  expect(errorOf(() => joinings(["a=x"], []))).toMatch(/^USAGE_INVALID: --max-batch/);
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
  expect(errorOf(() => readNamedModels(words, { ...nothing, rate: rates }))).toMatch(
    /^USAGE_INVALID: .*(NAME|none of|rate)/,
  );
});

test.each([
  [["a.onnx"], [], "throughput", undefined, "none"],
  [["a.onnx"], ["a=5/s"], "latency", "nats://a", "none"],
  [["a.onnx"], ["a=5/s"], "throughput", undefined, "USAGE_INVALID: --objective"],
  [["a.onnx", "b.onnx"], [], "throughput", undefined, "USAGE_INVALID: --objective"],
  [["a.onnx", "b.onnx"], [], undefined, "nats://a", "USAGE_INVALID: --nats"],
])(
  "of %j at %j with --objective %s and --nats %s says %s",
  (words, rate, objective, nats, said) => {
    const refusal = errorOf(() =>
      refuseForSeveral(readNamedModels(words, { ...nothing, rate }), { objective, nats }),
    );
    expect(refusal).toContain(said);
  },
);
