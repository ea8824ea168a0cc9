import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ModelProtoSchema, TensorProto_DataLocation, TensorProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import { errorOf } from "../../test/fixtures/code-of.ts";
import { createBuilder } from "./build.ts";
import { tensor } from "./build-tensor.ts";
import { mainGraph, withFields, withGraph } from "./message.ts";
import type { OnnxModel } from "./model.ts";
import { nameNodes } from "./names.ts";
import { readOnnx } from "./read.ts";
import { encodeOnnx, encodeSkeleton } from "./write.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function small(opset = 17): OnnxModel {
  const b = createBuilder({ name: "small", opset });
  const x = b.input("x", "float32", ["N", 4]);
  const w = b.weight("w", [4, 100], new Float32Array(400).fill(0.5));
  const y = b.node("MatMul", [x, w], { name: "product", output: "y" });
  b.output(b.node("Relu", [y], { name: "relu", output: "z" }), "float32", ["N", 100]);
  return b.build();
}

test("takes large weights out of the message as views of the file", () => {
  const bytes = encodeOnnx(small());
  const model = readOnnx(bytes);
  const weight = model.weights.get("w");
  expect(weight?.buffer).toBe(bytes.buffer);
  expect(weight?.length).toBe(1600);
  expect(mainGraph(model.proto).initializer[0]?.rawData.length).toBe(0);
});

test("keeps what shapes are computed from in the message", () => {
  const b = createBuilder({ name: "reshape" });
  const shape = b.weight("shape", [2], [1, 4], "int64");
  b.output(b.node("Reshape", [b.input("x", "float32", [2, 2]), shape]));
  const model = readOnnx(encodeOnnx(b.build()));
  expect(model.weights.size).toBe(0);
  expect(mainGraph(model.proto).initializer[0]?.rawData.length).toBe(16);
});

test("turns large Constant nodes into initialisers of their output's name", () => {
  const b = createBuilder({ name: "constants" });
  const value = tensor([300], new Float32Array(300).fill(2));
  const c = b.node("Constant", [], { output: "c", attributes: { value } });
  b.output(b.node("Add", [b.input("x", "float32", [300]), c]));
  const model = readOnnx(encodeOnnx(b.build()));
  expect(mainGraph(model.proto).node.map(({ opType }) => opType)).toEqual(["Add"]);
  expect(model.weights.get("c")?.length).toBe(1200);
});

test("converts large weights in typed fields to raw bytes", () => {
  const model = small();
  const typed = create(TensorProtoSchema, {
    name: "w",
    dims: [4n, 100n],
    dataType: 1,
    floatData: new Array(400).fill(0.25),
  });
  const bytes = toBinary(ModelProtoSchema, withGraph(model.proto, { initializer: [typed] }));
  const data = readOnnx(bytes).weights.get("w");
  expect(new Float32Array(data?.slice().buffer as ArrayBuffer)).toEqual(
    new Float32Array(400).fill(0.25),
  );
});

test("reads external data by location, offset and length", () => {
  const { skeleton, blobs } = encodeSkeleton(small(), "w.data");
  expect(blobs).toEqual([{ name: "w", location: "w.data", offset: 0, length: 1600 }]);
  const file = new Uint8Array(1600).fill(7);
  expect(readOnnx(skeleton, () => file).weights.get("w")).toEqual(file);
  expect(errorOf(() => readOnnx(skeleton))).toMatch(/^FILE_NOT_FOUND.*'w.data'/);
  expect(errorOf(() => readOnnx(skeleton, () => file.subarray(1)))).toMatch(/^ONNX_MALFORMED/);
});

test("refuses external data outside of the model's folder", () => {
  for (const location of ["../secret", "/etc/passwd", "a/../../b", "C:\\x", ""]) {
    const model = small();
    const external = create(TensorProtoSchema, {
      name: "w",
      dims: [4n, 100n],
      dataType: 1,
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: [{ key: "location", value: location }],
    });
    const proto = withGraph(model.proto, { initializer: [external] });
    const bytes = toBinary(ModelProtoSchema, proto);
    expect(errorOf(() => readOnnx(bytes, () => new Uint8Array(1600)))).toMatch(/^ONNX_MALFORMED/);
  }
});

test.each([
  ["an empty file", new Uint8Array(), /^ONNX_MALFORMED: the model is empty/],
  ["a text file", text("hello, this is a text\n"), /^ONNX_MALFORMED: .*text file/],
  ["a PNG image", text("\u0089PNG\r\n\u001a\n"), /^ONNX_MALFORMED/],
  ["a web page", text("<!DOCTYPE html><html>"), /^ONNX_MALFORMED: .*web page/],
  ["a Git LFS pointer", text("version https://git-lfs.github.com/spec/v1\n"), /git lfs pull/],
  ["zeros", new Uint8Array(100), /^ONNX_MALFORMED/],
  ["an empty message", toBinary(ModelProtoSchema, create(ModelProtoSchema)), /^ONNX_MALFORMED/],
])("refuses %s", (_, bytes, message) => {
  expect(errorOf(() => readOnnx(bytes))).toMatch(message);
});

test("refuses versions that the runtime cannot read", () => {
  expect(errorOf(() => readOnnx(encodeOnnx(small(6))))).toMatch(/^ONNX_UNSUPPORTED: .*opset 6/);
  expect(errorOf(() => readOnnx(encodeOnnx(small(7))))).toBe("none");
  expect(errorOf(() => readOnnx(encodeOnnx(small(99))))).toMatch(/^ONNX_UNSUPPORTED: .*opset 99/);
  const model = small();
  const bytes = encodeOnnx({ ...model, proto: withFields(model.proto, { irVersion: 99n }) });
  expect(errorOf(() => readOnnx(bytes))).toMatch(/^ONNX_UNSUPPORTED: .*IR version 99/);
});

test("names a node on a cycle", () => {
  const b = createBuilder({ name: "cycle" });
  b.input("x", "float32", [1]);
  b.node("Add", ["x", "c"], { name: "first", output: "a" });
  b.node("Relu", ["a"], { name: "second", output: "b" });
  b.node("Relu", ["b"], { name: "third", output: "c" });
  b.output("c");
  expect(errorOf(() => readOnnx(encodeOnnx(b.build())))).toMatch(
    /^ONNX_MALFORMED: the graph has a cycle through node '(first|second|third)'/,
  );
});

test("names a tensor that nothing makes, in a subgraph too", () => {
  const b = createBuilder({ name: "unknown" });
  b.input("x", "float32", [1]);
  b.output(b.node("Relu", ["nowhere"], { name: "relu" }));
  expect(errorOf(() => readOnnx(encodeOnnx(b.build())))).toMatch(/'relu'.*'nowhere'/);
  const c = createBuilder({ name: "captured" });
  const branch = c.subgraph("branch", (g) => g.output(g.node("Relu", ["nowhere"])));
  const attributes = { then_branch: branch, else_branch: branch };
  c.output(c.node("If", [c.input("flag", "bool", [])], { name: "if", attributes }));
  expect(errorOf(() => readOnnx(encodeOnnx(c.build())))).toMatch(/^ONNX_MALFORMED.*'nowhere'/);
});

test("refuses a tensor that is made twice, and two initialisers of one name", () => {
  const b = createBuilder({ name: "twice" });
  b.node("Relu", [b.input("x", "float32", [1])], { output: "y" });
  b.node("Relu", ["x"], { output: "y" });
  b.output("y");
  expect(errorOf(() => readOnnx(encodeOnnx(b.build())))).toMatch(/made twice/);
  const c = createBuilder({ name: "initialisers" });
  c.weight("w", [1], [1], "float32");
  c.weight("w", [1], [2], "float32");
  c.output(c.node("Relu", ["w"]));
  expect(errorOf(() => readOnnx(encodeOnnx(c.build())))).toMatch(/two initialisers.*'w'/);
});

test("refuses two inputs of one name, and a graph that returns nothing", () => {
  const twice = createBuilder({ name: "twice" });
  for (const name of ["x", "x"]) twice.input(name, "float32", [4]);
  twice.output(twice.node("Relu", ["x"]));
  expect(errorOf(() => readOnnx(encodeOnnx(twice.build())))).toMatch(
    /^ONNX_MALFORMED.*two graph inputs are named 'x'/,
  );
  const mute = createBuilder({ name: "mute" });
  mute.node("Relu", [mute.input("x", "float32", [4])]);
  expect(errorOf(() => readOnnx(encodeOnnx(mute.build())))).toMatch(/^ONNX_MALFORMED.*no outputs/);
});

test("refuses a tensor of an impossible shape inside an attribute", () => {
  const value = tensor([2], [1, 2]);
  value.dims = [-2n];
  const b = createBuilder({ name: "inner" });
  const c = b.node("Constant", [], { output: "c", attributes: { value } });
  b.output(b.node("Add", [b.input("x", "float32", [2]), c]));
  expect(errorOf(() => readOnnx(encodeOnnx(b.build())))).toMatch(
    /^ONNX_MALFORMED.*impossible shape \[-2\]/,
  );
});

test("refuses an initialiser whose data does not fill its shape", () => {
  const model = small();
  const weights = new Map([["w", new Uint8Array(1000)]]);
  expect(errorOf(() => readOnnx(encodeOnnx({ ...model, weights })))).toMatch(
    /^ONNX_MALFORMED: tensor 'w' holds 1000 bytes.*1600 bytes/,
  );
});

test("puts nodes into a topological order, and leaves a good order alone", () => {
  const model = small();
  const { node } = mainGraph(model.proto);
  const reversed = { ...model, proto: withGraph(model.proto, { node: [...node].reverse() }) };
  const names = (bytes: Uint8Array) =>
    mainGraph(readOnnx(bytes).proto).node.map(({ name }) => name);
  expect(names(encodeOnnx(reversed))).toEqual(["product", "relu"]);
  expect(names(encodeOnnx(model))).toEqual(["product", "relu"]);
});

test("removes initialisers from the inputs of old models", () => {
  const b = createBuilder({ name: "old", opset: 9 });
  b.input("x", "float32", [4]);
  b.input("w", "float32", [4]);
  b.weight("w", [4], [1, 2, 3, 4], "float32");
  b.output(b.node("Add", ["x", "w"]));
  const model = b.build();
  const bytes = encodeOnnx({ ...model, proto: withFields(model.proto, { irVersion: 3n }) });
  const read = readOnnx(bytes).proto;
  expect(mainGraph(read).input.map(({ name }) => name)).toEqual(["x"]);
  expect(read.irVersion).toBe(4n);
});

test("gives every node a unique name and keeps the first of each", () => {
  const b = createBuilder({ name: "names" });
  b.node("Relu", [b.input("x", "float32", [1])], { name: "", output: "a" });
  b.node("Relu", ["a"], { name: "a", output: "b" });
  b.node("Relu", ["b"], { name: "a", output: "c" });
  b.node("Dropout", ["c"], { name: "", outputs: ["", "mask"] });
  const named = nameNodes(b.build());
  const names = mainGraph(named.proto).node.map(({ name }) => name);
  expect(names).toEqual(["a_2", "a", "c", "mask"]);
  expect(nameNodes(named)).toEqual(named);
});

test("reads back what it writes, whatever the type and the values", () => {
  const types = ["bool", "float16", "float32", "float64", "int32", "int64", "int8", "uint8"];
  const layers = fc.array(
    fc.record({
      operator: fc.constantFrom("Add", "Mul", "Sub"),
      type: fc.constantFrom(...types),
      bytes: fc.uint8Array({ minLength: 8, maxLength: 2400 }),
    }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(layers, (nodes) => {
      const b = createBuilder({ name: "random" });
      let last = b.input("x", "float32", ["N"]);
      nodes.forEach(({ operator, type, bytes }, position) => {
        const whole = bytes.slice(0, bytes.length - (bytes.length % 8));
        const width = { bool: 1, float16: 2, float32: 4, int32: 4, int8: 1, uint8: 1 }[type] ?? 8;
        const w = b.weight(`w${position}`, [whole.length / width], whole, type);
        last = b.node(operator, [last, w]);
      });
      b.output(last);
      const first = encodeOnnx(b.build());
      const read = readOnnx(first);
      expect(encodeOnnx(read)).toEqual(encodeOnnx(readOnnx(encodeOnnx(read))));
      expect(mainGraph(read.proto).node).toEqual(mainGraph(b.build().proto).node);
      for (const [name, data] of b.build().weights) {
        // Short whole numbers stay inside.
        const inside = mainGraph(read.proto).initializer.find((item) => item.name === name);
        expect(read.weights.get(name) ?? inside?.rawData).toEqual(data);
      }
    }),
    { numRuns: 100 },
  );
});

test("answers every damaged file with a model or a coded error", () => {
  const bytes = encodeOnnx(small());
  const damage = fc.record({
    length: fc.nat(bytes.length),
    flips: fc.array(fc.record({ at: fc.nat(bytes.length - 1), bit: fc.nat(7) }), { maxLength: 4 }),
  });
  let errors = 0;
  fc.assert(
    fc.property(damage, ({ length, flips }) => {
      const copy = bytes.slice(0, flips.length === 0 ? length : bytes.length);
      for (const { at, bit } of flips) copy[at] = (copy[at] ?? 0) ^ (1 << bit);
      if (errorOf(() => nameNodes(readOnnx(copy))) !== "none") errors++;
    }),
    { numRuns: 5000 },
  );
  expect(errors).toBeGreaterThan(100);
});
