import { expect, test } from "vitest";
import { smallProblem } from "../../test/fixtures/small-problem.ts";
import { readBox } from "./envelope-box.ts";

const problem = problemWith("cloud");

test("a range of bandwidths holds for both directions of a pair", () => {
  const expected = { type: "bandwidth", links: [0, 1], least: 1e5, most: 1e9 };
  expect(readBox(["camera-edge-box=0.1..1000 Mbit/s"], [], problem)).toEqual([expected]);
  expect(readBox(["edge-box-camera=0.1..1000Mbit/s"], [], problem)).toEqual([expected]);
  expect(readBox(["camera-edge-box = 100 kbit/s .. 1 Gbit/s"], [], problem)).toEqual([expected]);
  expect(readBox(["camera-edge-box=1e-1..1e3 Mbit/s"], [], problem)).toEqual([expected]);
});

test("a range of slow-downs names its device", () => {
  expect(readBox([], ["cloud=1..8"], problem)).toEqual([
    { type: "slow-down", device: 2, least: 1, most: 8 },
  ]);
});

test("without any range, each pair of links and each device but the source changes", () => {
  expect(readBox([], [], problem)).toEqual([
    { type: "bandwidth", links: [0, 1], least: 1e5, most: 1e9 },
    { type: "bandwidth", links: [2, 3], least: 2e5, most: 2e9 },
    { type: "slow-down", device: 1, least: 1, most: 10 },
    { type: "slow-down", device: 2, least: 1, most: 10 },
  ]);
});

test("where much could change, somebody has to say what", () => {
  const four = problemWith("near", "{ between: [near, far], bandwidth: 1 Mbit/s }", "far");
  expect(() => readBox([], [], four)).toThrow(/6 bandwidths and slow-downs could change/);
});

test.each([
  [["camera-cloud=1..2 Mbit/s"], [], /no link "camera-cloud"; there are camera-edge-box/],
  [["camera-edge-box=1 Mbit/s"], [], /has no "\.\."/],
  [["camera-edge-box"], [], /has no "="/],
  [["camera-edge-box=1..2"], [], /"1" is not a quantity in bit\/s/],
  [["camera-edge-box=..2 Mbit/s"], [], /"Mbit\/s" is not a quantity/],
  [[], ["moon=1..2"], /no device "moon"; there are camera, edge-box, cloud/],
  [[], ["cloud=slow..fast"], /write two numbers/],
  [[], ["cloud=1.."], /write two numbers/],
])("refuses %j, %j", (bandwidths, slowDowns, message) => {
  expect(() => readBox(bandwidths, slowDowns, problem)).toThrow(message);
});

function problemWith(third: string, link = "", fourth = "") {
  return smallProblem({
    nodes: [{ name: "a", inputs: ["in"], outputs: ["out"] }],
    bytes: { in: 1, out: 1 },
    outputs: ["out"],
    topology: `
devices:
  - { name: camera }
  - { name: edge-box }
  - { name: ${third} }
  ${fourth === "" ? "" : `- { name: ${fourth} }`}
links:
  - { between: [camera, edge-box], bandwidth: 10 Mbit/s }
  - { from: edge-box, to: ${third}, bandwidth: 20 Mbit/s }
  - { from: ${third}, to: edge-box, bandwidth: 80 Mbit/s }
  ${link === "" ? "" : `- ${link}`}
source: camera
`,
  });
}
