import { expect, test } from "vitest";
import { graphSha256 } from "./graph-hash.ts";
import { mergeProfiles, type Profile, readProfile } from "./profile.ts";

const text = JSON.stringify({
  format: "partita.profile/1",
  graph: {
    name: "two",
    inputs: ["x"],
    outputs: ["z"],
    tensors: ["x", "y", "z"].map((name) => ({ name, dataType: "float32", shape: [2], bytes: 8 })),
    nodes: [
      { name: "a", operator: "Relu", inputs: ["x"], outputs: ["y"], flop: 2, parameterBytes: 0 },
      { name: "b", operator: "Relu", inputs: ["y"], outputs: ["z"], flop: null, parameterBytes: 0 },
    ],
  },
  devices: { pi: { nodeSeconds: [0.001, null], overheadSeconds: 0, boundarySecondsPerByte: 0 } },
});

function changed(
  change: (profile: Profile & { graph: { nodes: { inputs: string[] }[] } }) => void,
): string {
  const profile = JSON.parse(text);
  change(profile);
  return JSON.stringify(profile);
}

test("reads a hand-written profile", () => {
  const profile = readProfile(text);
  expect(profile.devices["pi"]).toEqual({
    nodeSeconds: [0.001, null],
    overheadSeconds: 0,
    boundarySecondsPerByte: 0,
    overheadBytes: 0,
  });
  expect(readProfile(JSON.stringify(profile))).toEqual(profile);
});

test("refuses a profile with too few seconds, and says where a field is wrong", () => {
  const short = text.replace("[0.001,null]", "[0.001]");
  expect(() => readProfile(short, "p.json")).toThrow(
    /devices\.pi\.nodeSeconds has 1 entries, the graph has 2 nodes/,
  );
  const negative = text.replace("0.001", "-1");
  expect(() => readProfile(negative, "p.json")).toThrow(/p\.json: devices\.pi\.nodeSeconds\.0/);
});

test("refuses a graph with a cycle", () => {
  const cyclic = changed(({ graph }) => {
    graph.nodes[0]?.inputs.push("z");
  });
  expect(() => readProfile(cyclic)).toThrow(expect.objectContaining({ code: "GRAPH_INVALID" }));
});

test("refuses a window that does not make the rows that there are", () => {
  const window = (kernel: number) => ({
    kernel: [kernel, 1],
    stride: [2, 1],
    dilation: [1, 1],
    padBegin: [0, 0],
    padEnd: [0, 0],
  });
  const pooled = (kernel: number, made: number): string => {
    const tensors = [
      { name: "x", dataType: "uint8", shape: [1, 1, 8, 1], bytes: 8 },
      { name: "y", dataType: "uint8", shape: [1, 1, made, 1], bytes: made },
    ];
    const pool = { operator: "MaxPool", flop: null, parameterBytes: 0, window: window(kernel) };
    const nodes = [{ ...pool, name: "pool", inputs: ["x"], outputs: ["y"] }];
    const costs = { nodeSeconds: [1], overheadSeconds: 0, boundarySecondsPerByte: 0 };
    return JSON.stringify({
      format: "partita.profile/1",
      graph: { name: "pooled", inputs: ["x"], outputs: ["y"], tensors, nodes },
      devices: { pi: costs },
    });
  };
  // A last row that is not full may be made or left out.
  for (const made of [3, 4]) expect(() => readProfile(pooled(3, made))).not.toThrow();
  for (const made of [2, 5]) {
    expect(() => readProfile(pooled(3, made))).toThrow(
      `node 'pool' does not make the ${made} rows of 'y' from the 8 rows of 'x'`,
    );
  }
  expect(() => readProfile(pooled(2, 3))).toThrow(
    expect.objectContaining({ code: "PROFILE_INVALID" }),
  );
});

const source = {
  modelSha256: "m",
  graphSha256: "g",
  level: "basic",
  runtime: "onnxruntime 1.30.0",
  shapes: {},
  machine: "a desk",
  measuredAt: "2026-01-01T00:00:00Z",
} as const;

test("merges the kinds of device of one graph, and only of one", () => {
  const first = readProfile(text);
  const second = { ...first, devices: { nuc: first.devices["pi"] as Profile["devices"][string] } };
  expect(Object.keys(mergeProfiles([first, second]).devices)).toEqual(["pi", "nuc"]);
  expect(() => mergeProfiles([first, first])).toThrow(/two profiles measure a device 'pi'/);
  const other = readProfile(text.replaceAll('"b"', '"c"'));
  expect(() => mergeProfiles([first, other])).toThrow(/different graphs/);
  const threaded = [1, 2].map((threads) => ({
    ...(threads === 1 ? first : second),
    source: { ...source, threads },
  }));
  expect(() => mergeProfiles(threaded)).toThrow("1 and 2 threads");
});

test("hashes what a graph is, not the order in which its fields were written", () => {
  const { graph } = readProfile(text);
  const reordered = {
    ...graph,
    nodes: graph.nodes.map(({ name, ...rest }) => ({ ...rest, name })),
  };
  expect(graphSha256(reordered)).toBe(graphSha256(graph));
  expect(graphSha256({ ...graph, outputs: ["y"] })).not.toBe(graphSha256(graph));
});
