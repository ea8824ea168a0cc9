import { expect, test } from "vitest";
import { errorOf } from "../../test/fixtures/code-of.ts";
import { readModels, readNamed, readRates } from "./models.ts";

const pair = readModels(["faces.onnx", "zoo:resnet18"]);

test("calls models by their files, without endings, or by the names that they are given", () => {
  const written = [
    "models/faces.onnx",
    "cars.profile.json",
    "dogs.json",
    "zoo:resnet18?width=0.25",
    "-",
    "door=faces.onnx",
    "cats=zoo:resnet18?width=0.5",
    "./a=b.onnx",
  ];
  expect(readModels(written.slice(0, 7))).toEqual([
    { name: "faces", argument: "models/faces.onnx" },
    { name: "cars", argument: "cars.profile.json" },
    { name: "dogs", argument: "dogs.json" },
    { name: "resnet18", argument: "zoo:resnet18?width=0.25" },
    { name: "model", argument: "-" },
    { name: "door", argument: "faces.onnx" },
    { name: "cats", argument: "zoo:resnet18?width=0.5" },
  ]);
  expect(errorOf(() => readModels(written.slice(7)))).toBe(
    'USAGE_INVALID: "a=b" cannot name a model; write NAME=./a=b.onnx',
  );
});

test("refuses two models of one name, and names that are no file's", () => {
  expect(errorOf(() => readModels(["a/net.onnx", "b/net.onnx"]))).toBe(
    "USAGE_INVALID: two models are called 'net'; give one of them another name: NAME=b/net.onnx",
  );
  expect(errorOf(() => readModels(["my net.onnx"]))).toContain("write NAME=my net.onnx");
  expect(errorOf(() => readModels(["..=net.onnx"]))).toContain('".." cannot name a model');
});

test("reads how often a second models are asked", () => {
  expect([...readRates(["resnet18=2.5/s", "faces= 10 / s"], pair)]).toEqual([
    ["resnet18", 2.5],
    ["faces", 10],
  ]);
});

test.each([
  ["faces=fast", 'wants a rate above 0 such as 10/s, not "fast"'],
  ["faces=0/s", "wants a rate above 0"],
  ["faces=5/min", "wants a rate above 0"],
  ["faces=", '--rate wants NAME=VALUE, not "faces="'],
  ["5/s", '--rate wants NAME=VALUE, not "5/s"'],
  ["dogs=5/s", "--rate names 'dogs', which is none of the models (faces, resnet18)"],
])("refuses --rate %s", (written, message) => {
  const error = errorOf(() => readRates([written], pair));
  expect(error).toContain("USAGE_INVALID");
  expect(error).toContain(message);
});

test("refuses what is said of one model twice", () => {
  expect(errorOf(() => readNamed("--plan", ["faces=a", "faces=b"], pair))).toBe(
    "USAGE_INVALID: --plan is given twice for 'faces'; keep one",
  );
});
