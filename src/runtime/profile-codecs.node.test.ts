import { expect, test } from "vitest";
import { smallNetwork } from "../../test/fixtures/small-network.ts";
import { codecNames } from "../codec/codec.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import { prepareGraph } from "./prepare.node.ts";
import { profileCodecs, withCodecCosts } from "./profile-codecs.node.ts";
import { sampleValues } from "./profile-graph.node.ts";

const prepared = await prepareGraph(smallNetwork(), { level: "extended" });

test("finds codecs that make tensors behind ReLU smaller, and leaves the graph's hash alone", async () => {
  const found = await profileCodecs(prepared);
  expect(found.size).toBeGreaterThan(0);
  for (const codecs of found.values()) {
    for (const [name, cost] of Object.entries(codecs)) {
      expect(codecNames).toContain(name);
      expect(cost.ratio).toBeGreaterThanOrEqual(1.05);
      expect(cost.encodeSecondsPerByte).toBeGreaterThan(0);
      expect(cost.decodeSecondsPerByte).toBeGreaterThan(0);
    }
  }
  const graph = withCodecCosts(prepared.graph, found);
  expect(graph.tensors.filter(({ codecs }) => codecs !== undefined)).toHaveLength(found.size);
  expect(graphSha256(graph)).toBe(graphSha256(prepared.graph));
});

test("codes a graph's inputs only if their values are real", async () => {
  const [input = ""] = prepared.graph.inputs;
  expect((await profileCodecs(prepared)).has(input)).toBe(false);
  const zeros = [...sampleValues(prepared)].map(([name, value]) => [
    name,
    { ...value, data: new Uint8Array(value.data.length) },
  ]);
  const found = await profileCodecs(prepared, { inputs: Object.fromEntries(zeros) });
  expect(found.get(input)?.["bitmap-shuffle-zstd"]?.ratio ?? 0).toBeGreaterThan(10);
});

test("stops when its time is over, and when it is told to", async () => {
  expect((await profileCodecs(prepared, { seconds: 0 })).size).toBe(0);
  const stop = new AbortController();
  const measuring = profileCodecs(prepared, {
    signal: stop.signal,
    onProgress: () => stop.abort(new Error("enough")),
  });
  await expect(measuring).rejects.toThrow("enough");
});
