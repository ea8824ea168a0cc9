import { expect, onTestFinished, test } from "vitest";
import { createBuilder, type GraphBuilder } from "../onnx/build.ts";
import { createOnnxRuntime } from "./onnxruntime.node.ts";
import { tryBatch } from "./try-batch.ts";

const inputs = [{ name: "x", dataType: "float32", shape: [1, 8] }] as const;
const texts = [{ name: "x", dataType: "string", shape: [1, 8] }] as const;

async function load(write: (builder: GraphBuilder) => string, dataType = "float32") {
  const builder = createBuilder({ name: "rows" });
  builder.input("x", dataType, ["N", 8]);
  builder.output(write(builder), dataType, ["N", 8]);
  const session = await createOnnxRuntime().load(builder.build(), { threads: 1 });
  onTestFinished(() => session.release());
  return session;
}

test("requests of a model whose rows know nothing of each other have the same answers together", async () => {
  const session = await load((builder) => builder.node("Softmax", ["x"], { output: "y" }));
  expect(await tryBatch(session, inputs, ["y"], 4)).toBeLessThanOrEqual(1e-5);
});

test("a model that takes the mean of all rows is refused, with the output and how much it differs", async () => {
  const session = await load((builder) => {
    const mean = builder.node("ReduceMean", ["x"], { attributes: { axes: [0] } });
    return builder.node("Add", ["x", mean], { output: "y" });
  });
  await expect(tryBatch(session, inputs, ["y"], 3)).rejects.toMatchObject({
    code: "ONNX_UNSUPPORTED",
    message: expect.stringMatching(
      /^requests to this model cannot be joined: of 3 requests as one, output 'y' differs from that of the same request alone by \d\.\de[-+]\d of its largest magnitude; at most 1e-5 is allowed$/,
    ),
  });
});

test("texts have to be the same: rows that change their places are refused", async () => {
  const same = await load((builder) => builder.node("Identity", ["x"], { output: "y" }), "string");
  expect(await tryBatch(same, texts, ["y"], 3)).toBe(0);
  const turned = await load((builder) => {
    const [starts, ends, axes, steps] = [-1, -9, 0, -1].map((value, position) =>
      builder.weight(`how${position}`, [1], BigInt64Array.of(BigInt(value))),
    ) as [string, string, string, string];
    return builder.node("Slice", ["x", starts, ends, axes, steps], { output: "y" });
  }, "string");
  await expect(tryBatch(turned, texts, ["y"], 3)).rejects.toMatchObject({
    code: "ONNX_UNSUPPORTED",
    message: expect.stringMatching(/differs from that of the same request alone, and not by/),
  });
});
