import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readEnvelope } from "../../src/plan/envelope/file.ts";
import { Workbench } from "./partita.ts";

const bench = new Workbench();
const words = ["envelope", "chain.profile.json", "-t", "home.topology.yaml"];

beforeAll(() => {
  const tensor = (name: string, bytes: number) => ({
    name,
    dataType: "uint8",
    shape: [bytes],
    bytes,
  });
  const node = (name: string, input: string, output: string) => ({
    name,
    operator: "Op",
    inputs: [input],
    outputs: [output],
    flop: null,
    parameterBytes: 0,
  });
  const profile = {
    format: "partita.profile/1",
    graph: {
      name: "chain",
      inputs: ["in"],
      outputs: ["out"],
      tensors: [tensor("in", 800_000), tensor("middle", 200_000), tensor("out", 0)],
      nodes: [node("first", "in", "middle"), node("second", "middle", "out")],
    },
    devices: {
      machine: {
        nodeSeconds: [0.1, 0.9],
        overheadSeconds: 0,
        boundarySecondsPerByte: 0,
        overheadBytes: 0,
      },
    },
  };
  bench.write("chain.profile.json", JSON.stringify(profile));
  const topology = `
format: partita.topology/1
devices: [{ name: phone }, { name: server, speed: 9 }]
links: [{ between: [phone, server], bandwidth: 8 Mbit/s }]
source: phone
sink: anywhere
`;
  bench.write("home.topology.yaml", topology);
});

afterAll(() => bench.remove());

test("says which placement is the best at which bandwidth", async () => {
  const { output, code } = await bench.run(...words, "--bandwidth", "phone-server=0.1..100 Mbit/s");
  expect(code).toBe(0);
  expect(output).toMatch(/3 placements, each the best in some states, for latency/);
  expect(output).toMatch(/nowhere in the box is any placement better/);
  expect(output).toMatch(/phone → server 200 kB \(middle\) +400 ms +best/);
  // 0.1 + 0.1 + 1.6 / rate against 1 s, and 6.4 / rate + 1 / 9 s against 0.2 s + 1.6 / rate.
  expect(output).toMatch(/below 2 Mbit\/s +\d +phone 2/);
  expect(output).toMatch(/2 Mbit\/s to 54 Mbit\/s +\d +phone 1, server 1/);
  expect(output).toMatch(/above 54 Mbit\/s +\d +server 2/);
});

test("writes an envelope to decide from, and a map of it", async () => {
  const files = ["-o", "chain.envelope.json", "--svg", "map.svg"];
  const { code, output } = await bench.call(...words, ...files);
  expect(code).toBe(0);
  expect(output).toMatch(/slow-down of server +1 to 10/);
  const text = readFileSync(bench.path("chain.envelope.json"), "utf8");
  const envelope = readEnvelope(text, "chain.envelope.json");
  expect(envelope.parameters.map(({ type }) => type)).toEqual(["bandwidth", "slow-down"]);
  const printed = JSON.parse((await bench.call(...words, "--json")).output);
  expect(printed).toEqual(JSON.parse(text));
  const svg = readFileSync(bench.path("map.svg"), "utf8");
  expect(svg).toMatch(/^<svg /);
  expect(svg).toContain("slow-down of server");
});

test("says why there is no envelope", async () => {
  const none = await bench.call(...words, "--objective", "throughput");
  expect(none.code).toBe(69);
  expect(none.output).toMatch(/no envelope: the throughput is no sum/);
  const wrong = await bench.call(...words, "--bandwidth", "phone-moon=1..2 Mbit/s");
  expect(wrong).toMatchObject({ code: 64 });
  expect(wrong.errors).toMatch(/there are phone-server/);
  const alone = "format: partita.topology/1\ndevices: [{ name: phone }]\nlinks: []\nsource: phone";
  const files = ["chain.profile.json", "-t", bench.write("alone.topology.yaml", alone)];
  const nothing = await bench.call("envelope", ...files);
  expect(nothing).toMatchObject({ code: 64, errors: expect.stringMatching(/nothing changes the/) });
});
