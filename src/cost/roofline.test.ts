import { expect, test } from "vitest";
import { bytes, flop } from "../base/units.ts";
import { modelProfile } from "./roofline.ts";

const tensors = ["in", "mid", "out"].map((name) => ({
  name,
  dataType: "uint8",
  shape: [1000],
  bytes: bytes(1000),
}));
const plain = { operator: "Conv", parameterBytes: bytes(8000) };

test("a node is bound by its FLOP or by the bytes it moves, whichever takes longer", () => {
  const { devices } = modelProfile({
    name: "two",
    inputs: ["in"],
    outputs: ["out"],
    tensors,
    nodes: [
      { ...plain, name: "much work", inputs: ["in"], outputs: ["mid"], flop: flop(2e9) },
      { ...plain, name: "much moved", inputs: ["mid"], outputs: ["out"], flop: flop(10) },
    ],
  });
  expect(devices["core"]?.nodeSeconds).toEqual([0.100005, 0.000006]);
});
