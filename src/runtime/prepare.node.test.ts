import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { smallNetwork } from "../../test/fixtures/small-network.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import { createBuilder, type ModelBuilder } from "../onnx/build.ts";
import { mainGraph } from "../onnx/message.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { encodeOnnx } from "../onnx/write.ts";
import { optimiseModel } from "./optimise.node.ts";
import { prepareGraph } from "./prepare.node.ts";

function sha256(model: OnnxModel): string {
  return createHash("sha256").update(encodeOnnx(model)).digest("hex");
}

function write(draw: (builder: ModelBuilder) => void): OnnxModel {
  const builder = createBuilder({ name: "drawn" });
  draw(builder);
  return builder.build();
}

function temporaryFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) =>
    name.startsWith(`partita-optimise-${process.pid}-`),
  );
}

test("equal models give the same bytes and the same graph, at every level", async () => {
  for (const level of ["basic", "extended", "all"] as const) {
    const [first, second] = await Promise.all(
      [1, 2].map(() => prepareGraph(smallNetwork(), { level })),
    );
    if (first === undefined || second === undefined) throw new Error("two graphs were prepared");
    expect(sha256(first.model)).toBe(sha256(second.model));
    expect(graphSha256(first.graph)).toBe(graphSha256(second.graph));
  }
});

test("basic keeps to standard operators, extended fuses a convolution with its activation", async () => {
  const operators = async (level: "basic" | "extended") => {
    const { graph } = await prepareGraph(smallNetwork(), { level });
    return new Set(graph.nodes.map(({ operator }) => operator));
  };
  expect([...(await operators("basic"))].filter((name) => name.includes(":"))).toEqual([]);
  expect(await operators("extended")).toContain("com.microsoft:FusedConv");
});

test("nodes that the optimiser leaves alone keep the names they were given before it ran", async () => {
  const model = write((b) => {
    const x = b.input("x", "float32", [2]);
    const y = b.node("Exp", [x], { name: "", output: "exponent" });
    b.output(b.node("Tan", [y], { name: "tangent", output: "y" }), "float32", [2]);
  });
  const { graph } = await prepareGraph(model, { level: "extended" });
  expect(graph.nodes.map(({ name }) => name)).toEqual(["exponent", "tangent"]);
});

test("all tensors have the given sizes, and open dimensions stay open in the model", async () => {
  const model = write((b) => {
    const x = b.input("x", "float32", ["N", 3]);
    b.output(b.node("Exp", [b.node("Tan", [x], { output: "t" })], { output: "y" }));
  });
  const prepared = await prepareGraph(model, { level: "basic", shapes: { x: [4, 3] } });
  expect(prepared.types.get("t")).toEqual({ dataType: "float32", shape: [4, 3] });
  expect(prepared.graph.tensors.map((tensor) => tensor.bytes)).toEqual([48, 48, 48]);
  expect(prepared.openTypes.get("t")?.shape).toEqual(["N", 3]);
});

test("a size that depends on data is measured by a run", async () => {
  const model = write((b) => {
    const x = b.input("x", "float32", [6]);
    const positions = b.node("NonZero", [x], { output: "positions" });
    b.output(b.node("Cast", [positions], { output: "y", attributes: { to: 1 } }), "float32");
  });
  const { types } = await prepareGraph(model, { level: "basic" });
  const [rank = 0, found = 0] = types.get("positions")?.shape ?? [];
  expect(rank).toBe(1);
  expect(found).toBeGreaterThan(0);
});

test("a dimension that nobody bound is SHAPE_UNBOUND and says how to bind it", async () => {
  const model = write((b) => {
    b.output(b.node("Exp", [b.input("x", "float32", ["N", 3])]));
  });
  await expect(prepareGraph(model, { level: "basic" })).rejects.toMatchObject({
    code: "SHAPE_UNBOUND",
    message: expect.stringContaining("--shape x="),
  });
});

test("a model of which no node depends on an input is ONNX_UNSUPPORTED", async () => {
  const passing = write((b) => b.output(b.input("x", "float32", [4]), "float32", [4]));
  const constant = write((b) => b.output(b.node("Exp", [b.weight("w", [4], [1, 2, 3, 4])])));
  for (const model of [passing, constant]) {
    await expect(prepareGraph(model, { level: "basic" })).rejects.toMatchObject({
      code: "ONNX_UNSUPPORTED",
    });
  }
});

test("a model that the runtime refuses leaves no temporary folder behind", async () => {
  const model = write((b) => {
    b.output(b.node("Frobnicate", [b.input("x", "float32", [1])]));
  });
  await expect(optimiseModel(model, "basic")).rejects.toMatchObject({ code: "ONNX_UNSUPPORTED" });
  expect(temporaryFolders()).toEqual([]);
});

test("large weights come back unchanged", async () => {
  const values = Float32Array.from({ length: 4096 }, (_, position) => position / 7);
  const model = write((b) => {
    const w = b.weight("w", [64, 64], values);
    b.output(b.node("MatMul", [b.input("x", "float32", [1, 64]), w], { output: "y" }));
  });
  const optimised = await optimiseModel(model, "extended");
  expect(mainGraph(optimised.proto).initializer.map(({ name }) => name)).toEqual(["w"]);
  const bytes = optimised.weights.get("w") ?? new Uint8Array();
  expect(new Float32Array(new Uint8Array(bytes).buffer)).toEqual(values);
});
