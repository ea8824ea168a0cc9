import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { indexGraph } from "../graph/graph.ts";
import {
  chainProfile,
  type KpathChain,
  partitionByLeastSum,
  partsProfile,
  readKpathChain,
  transferMbit,
} from "./kpath-chain.ts";

function chain(model: string): KpathChain {
  const file = `bench/data/kpath/${model}.json`;
  return readKpathChain(readFileSync(file, "utf8"), file);
}

const divisions = [
  { model: "MobileNetV2", cap: 64, published: [0.5317], honest: [0.266] },
  { model: "EfficientNetB1", cap: 64, published: [3.6621, 0.7629], honest: [1.831, 0.381, 0.26] },
  { model: "EfficientNetB1", cap: 128, published: [0.7629], honest: [0.381] },
  {
    model: "ResNet50",
    cap: 64,
    published: [17.0139, 17.0139, 4.2535],
    honest: [4.253, 17.014, 4.253, 2.127],
  },
  { model: "ResNet50", cap: 128, published: [8.5069], honest: [4.253] },
  {
    model: "InceptionResNetV2",
    cap: 64,
    published: [14.456, 16.615, 16.615, 13.327, 13.327, 5.642],
    honest: [4.985, 8.308, 6.664, 6.664, 6.664, 6.664, 2.821, 2.821],
  },
  {
    model: "InceptionResNetV2",
    cap: 128,
    published: [16.615, 13.327],
    honest: [4.985, 6.664, 6.664, 2.821],
  },
  { model: "InceptionResNetV2", cap: 256, published: [13.327], honest: [6.664, 2.821] },
] as const;

test.each(divisions)("$model below $cap MB is divided as published, and honestly", (row) => {
  for (const rules of ["published", "honest"] as const) {
    const parts = partitionByLeastSum(chain(row.model), row.cap * 2 ** 20, rules);
    expect(parts?.mbit.length, rules).toBe(row[rules].length);
    const expected = row[rules].toSorted((a, b) => a - b);
    const found = (parts?.mbit ?? []).toSorted((a, b) => a - b);
    found.forEach((mbit, cut) => {
      expect(mbit, rules).toBeCloseTo(expected[cut] as number, 2);
    });
  }
});

test("the first layer of VGG16 behind its pictures fits no part of 256 MB by honest counts", () => {
  expect(partitionByLeastSum(chain("VGG16"), 256 * 2 ** 20, "published")).not.toBeNull();
  expect(partitionByLeastSum(chain("VGG16"), 256 * 2 ** 20, "honest")).toBeNull();
});

test("the chain as a profile sends and holds what the honest rules say", () => {
  const resnet = chain("ResNet50");
  const { graph } = chainProfile(resnet);
  indexGraph(graph);
  expect(graph.nodes).toHaveLength(40);
  const held = graph.nodes.reduce((sum, { parameterBytes }) => sum + parameterBytes, 0);
  expect(held / 2 ** 20).toBeCloseTo(238.8, 1);
  const cut = resnet.points.indexOf("conv4_block1_add");
  const sent = graph.tensors[cut]?.bytes as number;
  expect(sent).toBeCloseTo((200_704 * 4) / 1.44, 6);
  expect((sent * 8) / 2 ** 20).toBeCloseTo(transferMbit(resnet, "honest")[cut] as number, 9);
});

test("a division as a profile has a node for each part", () => {
  const resnet = chain("ResNet50");
  const parts = partitionByLeastSum(resnet, 64 * 2 ** 20, "published");
  expect(parts).not.toBeNull();
  if (parts === null) return;
  const { graph } = partsProfile(resnet, parts);
  expect(graph.nodes).toHaveLength(4);
  expect(graph.tensors.map((tensor) => tensor.bytes)).toEqual([
    0,
    ...parts.mbit.map((mbit) => (mbit * 1e6) / 8),
    0,
  ]);
});

test("a file without the sizes is refused", () => {
  expect(() => readKpathChain('{ "model": "X" }', "x.json")).toThrow(/x\.json/);
});
