import { expect, test } from "vitest";
import { sha256Hex } from "../cluster/secret.ts";
import { encodeOnnx } from "../onnx/write.ts";
import { runStandardBenchmark, standardModel } from "./standard-benchmark.ts";

test("the standard benchmark takes some time, and far less than a run of a large model", async () => {
  const seconds = await runStandardBenchmark();
  expect(seconds).toBeGreaterThan(1e-5);
  expect(seconds).toBeLessThan(10);
});

test("the standard benchmark's model is always the same, since profiles hold what it took", () => {
  expect(sha256Hex(encodeOnnx(standardModel()))).toMatchInlineSnapshot(
    `"a7cb3c40cd7a32a06910a8973965916364d5ec6eae436d9a646487d1a7e5ea97"`,
  );
});
