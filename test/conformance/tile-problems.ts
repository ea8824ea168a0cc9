/**
 * Seeded random problems on pictures, and random stages that several devices run together.
 *
 * @module
 */
import { createRandom, type Random } from "../../src/base/random.ts";
import type { Graph, Node } from "../../src/graph/graph.ts";
import type { Window } from "../../src/graph/window.ts";
import type { Question } from "./planner-oracle.ts";
import type { TiledStage } from "./planner-oracle-tile-parts.ts";
import { type ProblemClass, randomQuestion } from "./planner-problems.ts";

/** A question of the same topology and costs whose tensors are pictures and most nodes have windows. */
export function randomPictureQuestion(seed: number, kind: ProblemClass): Question {
  const plain = randomQuestion(seed, kind, { nodes: 7, devices: 4 });
  const random = createRandom(seed + 2 ** 41);
  const graph = randomPictureGraph(random, plain.profile.graph);
  const { keepLocal } = plain.limits;
  const kept = typeof keepLocal === "number" && keepLocal < 3 ? { keepLocal } : {};
  return { ...plain, profile: { ...plain.profile, graph }, limits: { ...kept, tiles: true } };
}

interface Picture {
  readonly name: string;
  readonly height: number;
}

function randomPictureGraph(random: Random, plain: Graph): Graph {
  const top = 2 + random.integer(7);
  const pictures: Picture[] = plain.inputs.map((name) => ({ name, height: top }));
  const nodes = plain.nodes.map((node, position): Node => {
    const name = `t${position}`;
    const main = random.next() < 0.7 ? pictures.at(-1) : random.pick(pictures);
    const { height, name: first } = main as Picture;
    const alike = pictures.filter((picture) => picture.height === height);
    const second = random.next() < 0.35 ? [random.pick(alike).name] : [];
    const { window, height: made } = randomWindow(random, height);
    pictures.push({ name, height: made });
    const { window: _, ...others } = node;
    const inputs = [...new Set([first, ...second])];
    return {
      ...others,
      inputs,
      outputs: [name],
      ...(random.next() < 0.1 ? {} : { window }),
    };
  });
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const outputs = pictures
    .slice(plain.inputs.length)
    .filter(({ name }) => random.next() < (read.has(name) ? 0.08 : 0.9));
  const tensors = pictures.map(({ name, height }) => {
    const codecs = plain.tensors.find((tensor) => tensor.name === name)?.codecs;
    return {
      name,
      dataType: "uint8",
      shape: [1, 1, height, 1],
      bytes: (4 * height * random.integer(4)) as Graph["tensors"][number]["bytes"],
      ...(codecs === undefined ? {} : { codecs }),
    };
  });
  return { ...plain, nodes, tensors, outputs: outputs.map(({ name }) => name) };
}

/** Any window along the rows that leaves a row or more. */
function randomWindow(random: Random, height: number): { window: Window; height: number } {
  const isElementWise = random.next() < 0.4;
  const draw = (most: number): number => (isElementWise ? 1 : 1 + random.integer(most));
  const pad = (): number => (isElementWise ? 0 : random.integer(3));
  const [kernel, stride, dilation] = [draw(4), draw(3), draw(2)];
  const [padBegin, padEnd] = [pad(), pad()];
  const reach = dilation * (kernel - 1) + 1;
  const made = Math.floor((height + padBegin + padEnd - reach) / stride) + 1;
  if (made < 1) return randomWindow(random, height);
  const window = {
    kernel: [kernel, 1],
    stride: [stride, 1],
    dilation: [dilation, 1],
    padBegin: [padBegin, 0],
    padEnd: [padEnd, 0],
  };
  return { window, height: made };
}

/** Stages that keep the rules, but for what devices can and must run; in the order of their last nodes. */
export function randomStages(
  random: Random,
  { profile: { graph }, topology }: Question,
): TiledStage[] {
  const heightOf = (name: string | undefined): number =>
    graph.tensors.find((tensor) => tensor.name === name)?.shape[2] ?? 1;
  const taken = new Set<number>();
  const stages: TiledStage[] = [];
  for (let trial = 0; trial < 1 + random.integer(3); trial++) {
    const last = random.integer(graph.nodes.length);
    if (taken.has(last) || graph.nodes[last]?.window === undefined) continue;
    const nodes = grow(random, graph, last, taken);
    for (const node of nodes) taken.add(node);
    const height = heightOf(graph.nodes[last]?.outputs[0]);
    const count = 1 + random.integer(Math.min(height, topology.devices.length));
    const all = [...topology.devices.keys()];
    const inner = Array.from({ length: height - 1 }, (_, row) => row + 1);
    const cuts = [
      0,
      ...random
        .shuffle(inner)
        .slice(0, count - 1)
        .sort((a, b) => a - b),
      height,
    ];
    stages.push({
      nodes,
      devices: withRepeats(random, random.shuffle(all).slice(0, count)),
      rows: cuts.slice(1).map((to, member) => [cuts[member] as number, to]),
    });
  }
  return stages.sort((a, b) => (a.nodes.at(-1) as number) - (b.nodes.at(-1) as number));
}

/** Now and then a device stands for another as well. */
function withRepeats(random: Random, devices: readonly number[]): readonly number[] {
  if (random.next() < 0.7) return devices;
  return devices.map((device) => (random.next() < 0.5 ? (devices[0] as number) : device));
}

/** Producers join, from the last to the first, whose every reader has. */
function grow(
  random: Random,
  graph: Graph,
  last: number,
  taken: ReadonlySet<number>,
): readonly number[] {
  const inside = new Set([last]);
  for (let node = last - 1; node >= 0; node--) {
    const { window, outputs } = graph.nodes[node] as Node;
    const readers = graph.nodes.flatMap(({ inputs }, reader) =>
      inputs.some((name) => outputs.includes(name)) ? [reader] : [],
    );
    const joins =
      window !== undefined &&
      !taken.has(node) &&
      readers.length > 0 &&
      readers.every((reader) => inside.has(reader)) &&
      !outputs.some((name) => graph.outputs.includes(name));
    if (joins && random.next() < 0.85) inside.add(node);
  }
  return [...inside].sort((a, b) => a - b);
}
