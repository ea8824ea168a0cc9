import { clone, create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, ValueInfoProtoSchema } from "onnx-buf";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { elementCount } from "../graph/tensor-value.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { ZooOptions } from "./sketch.ts";
import { buildZoo, type ZooName, zoo, zooNames } from "./zoo.ts";

/** What is small enough for every network to run in a moment. */
function small(name: ZooName, more: ZooOptions = {}): ZooOptions {
  const resolution = { bert: 12, inceptionv4: 75 }[name as string] ?? 64;
  return { width: 0.25, resolution, blocks: 2, classes: 10, ...more };
}

/** The model as one message, with more of its tensors as outputs. */
function encode({ proto, weights }: OnnxModel, outputs: readonly string[] = []): Uint8Array {
  const whole = clone(ModelProtoSchema, proto);
  for (const initialiser of whole.graph?.initializer ?? []) {
    const bytes = weights.get(initialiser.name);
    if (bytes !== undefined) initialiser.rawData = bytes as Uint8Array<ArrayBuffer>;
  }
  const declared = new Set(whole.graph?.output.map(({ name }) => name));
  for (const name of outputs) {
    if (!declared.has(name)) whole.graph?.output.push(create(ValueInfoProtoSchema, { name }));
  }
  return toBinary(ModelProtoSchema, whole);
}

/** A picture of noise or a text of words, another one for each seed. */
function input(model: OnnxModel, seed: number): Record<string, ort.Tensor> {
  const [declared] = model.proto.graph?.input ?? [];
  const type = declared?.type?.value.case === "tensorType" ? declared.type.value.value : undefined;
  const shape = type?.shape?.dim.map(({ value }) => Number(value.value)) ?? [];
  const noise = Array.from(
    { length: elementCount(shape) },
    (_, index) => Math.abs(Math.sin((index + 1) * 12.9898 * seed) * 43758.5453) % 1,
  );
  const tensor =
    declared?.name === "input_ids"
      ? new ort.Tensor(
          "int64",
          BigInt64Array.from(noise, (x) => BigInt(Math.floor(x * 30000))),
          shape,
        )
      : new ort.Tensor(
          "float32",
          Float32Array.from(noise, (x) => 4 * x - 2),
          shape,
        );
  return { [declared?.name ?? ""]: tensor };
}

async function load(model: OnnxModel, outputs?: readonly string[]): Promise<ort.InferenceSession> {
  const options = { intraOpNumThreads: 1, logSeverityLevel: 3 } as const;
  return ort.InferenceSession.create(encode(model, outputs), options);
}

function spread(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

for (const name of zooNames) {
  test(`${name} has exactly the trainable parameters and within 1 % the multiply-adds published`, () => {
    const { model, multiplyAdds } = zoo[name].draw({ skeleton: true });
    const trained = (model.proto.graph?.initializer ?? []).filter(
      (weight) => !/^constant\.|\.running_(mean|var)$/.test(weight.name),
    );
    const count = trained.reduce((sum, { dims }) => sum + elementCount(dims.map(Number)), 0);
    expect(count).toBe(zoo[name].trainableParameters);
    expect(Math.abs(multiplyAdds / zoo[name].multiplyAdds - 1)).toBeLessThan(0.01);
  });

  test(`${name} runs, small and narrow, with the shapes that it was drawn with`, async () => {
    const { model, shapes } = zoo[name].draw(small(name));
    const session = await load(model, [...shapes.keys()]);
    const results = await session.run(input(model, 1));
    for (const [tensor, shape] of shapes) {
      expect({ tensor, shape: results[tensor]?.dims }).toEqual({ tensor, shape });
    }
    await session.release();
  });

  test(`${name} answers other inputs otherwise, in a batch as well, with values of a sane size`, async () => {
    const model = buildZoo(name, small(name, { batch: 2 }));
    const session = await load(model);
    const [output = ""] = session.outputNames;
    const answers: Float32Array[] = [];
    for (const seed of [1, 2]) {
      const result = (await session.run(input(model, seed)))[output];
      expect(result?.dims[0]).toBe(2);
      answers.push(result?.data as Float32Array);
    }
    await session.release();
    const [first = new Float32Array(), second = new Float32Array()] = answers;
    expect(first.every(Number.isFinite)).toBe(true);
    expect(spread(first)).toBeGreaterThan(1e-2);
    expect(spread(first)).toBeLessThan(1e3);
    const rowBytes = first.length / 2;
    const pairs = [
      [first, second],
      [first.subarray(0, rowBytes), first.subarray(rowBytes)],
    ] as const;
    for (const [a, b] of pairs) {
      const changes = a.map((value, index) => value - (b[index] ?? 0));
      expect(spread(changes)).toBeGreaterThan(1e-2 * spread(a));
    }
  });

  test(`${name} with an open batch takes any number, and answers as the one that is made for it`, async () => {
    const open = await load(buildZoo(name, small(name, { batch: "open" })));
    const [output = ""] = open.outputNames;
    for (const batch of [1, 3]) {
      const model = buildZoo(name, small(name, { batch }));
      const made = await load(model);
      const inputs = input(model, 1);
      const [answer, expected] = [await open.run(inputs), await made.run(inputs)];
      expect(answer[output]?.dims).toEqual(expected[output]?.dims);
      const [found, values] = [answer, expected].map((one) => one[output]?.data as Float32Array);
      const differences = values?.map((value, index) => Math.abs(value - (found?.[index] ?? NaN)));
      const largest = Math.max(...(values ?? []).map(Math.abs));
      expect(Math.max(...(differences ?? [NaN]))).toBeLessThanOrEqual(1e-5 * largest);
      await made.release();
    }
    await open.release();
  });

  test(`${name} has nodes and tensors of unique names, and the same bytes for the same seed`, () => {
    const [one, same, other] = [1, 1, 2].map((seed) => buildZoo(name, small(name, { seed })));
    const nodes = one?.proto.graph?.node ?? [];
    expect(new Set(nodes.map((node) => node.name)).size).toBe(nodes.length);
    const made = nodes.flatMap(({ output }) => output);
    expect(new Set(made).size).toBe(made.length);
    const [a, b, c] = [one, same, other].map((model) => Buffer.from(encode(model as OnnxModel)));
    expect(a?.equals(b as Buffer)).toBe(true);
    expect(a?.equals(c as Buffer)).toBe(false);
  });
}

test("BERT has as many blocks as asked for", () => {
  const count = (blocks: number): number =>
    buildZoo("bert", { blocks, skeleton: true }).proto.graph?.node.filter(
      ({ opType }) => opType === "Softmax",
    ).length ?? 0;
  expect([count(2), count(12)]).toEqual([2, 12]);
});

test("an unknown name is refused with the names there are and the likely one", () => {
  expect(() => buildZoo("ResNet-51")).toThrow(
    expect.objectContaining({
      code: "ZOO_UNKNOWN",
      message: expect.stringMatching(/alexnet, .*vgg16.*Did you mean resnet18 or resnet50\?/),
    }),
  );
  expect(() => buildZoo("toString")).toThrow(expect.objectContaining({ code: "ZOO_UNKNOWN" }));
});

test("options out of range, pictures that are too small and weights that are too large are refused", () => {
  const refusals: readonly [ZooName, ZooOptions][] = [
    ["resnet18", { batch: 0 }],
    ["resnet18", { resolution: 1.5 }],
    ["resnet18", { width: -1 }],
    ["resnet18", { seed: 0.5 }],
    ["inceptionv4", { resolution: 74 }],
    ["alexnet", { resolution: 32 }],
    ["bert", { resolution: 513 }],
    ["bert", { blocks: -1 }],
    ["vit-tiny", { resolution: 640_000 }],
    ["alexnet", { classes: 2 ** 40 }],
  ];
  for (const [name, options] of refusals) {
    expect(() => buildZoo(name, { ...options, skeleton: true }), name).toThrow(
      expect.objectContaining({ code: "USAGE_INVALID" }),
    );
  }
});
