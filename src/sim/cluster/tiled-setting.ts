import { createRandom, type Random } from "../../base/random.ts";
import { seconds } from "../../base/units.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Topology } from "../../cost/topology.ts";
import type { TensorType } from "../../graph/tensor-value.ts";
import { extentsOf } from "../../graph/tile.ts";
import type { Rows } from "../../graph/window.ts";
import { createBuilder } from "../../onnx/build.ts";
import { toGraph } from "../../onnx/graph.ts";
import type { OnnxModel } from "../../onnx/model.ts";
import type { Problem } from "../../plan/problem.ts";
import type { TileStage } from "../../plan/tiles.ts";
import { meshOf, relayed } from "./mesh.ts";
import { bestOf, type Planned, problemOf, profileOf } from "./planned.ts";
import { remembered, type Setting } from "./setting.ts";

/**
 * Three to five devices, all with links to all, and a chain of three to six nodes that see some rows
 * around each, with sums of branches; as many devices as may run some of them together. In some
 * settings the answer stays where it is made, in regions, in some another device than the source cannot
 * be dialled, and in some devices reach each other only through the coordinator.
 */
export function tiledSettingOf(seed: number): Setting {
  const random = createRandom(seed);
  const names = Array.from({ length: 3 + random.integer(3) }, (_, index) => `d${index}`);
  const { model, types } = randomPictures(random);
  const graph = toGraph(model, types);
  const sink = random.pick(["anywhere", "d0", names.at(-1) as string]);
  const mesh = meshOf(names, { memoryBytes: null, sink });
  const isRelayed = random.next() < 0.15;
  const hidden = new Set(names.slice(1).filter(() => random.next() < 0.15 || isRelayed));
  const nodeSeconds = graph.nodes.map(() => seconds(random.integer(20) / 1000));
  const durations = new Map(graph.nodes.map(({ name }, node) => [name, nodeSeconds[node]]));
  const profile = profileOf(graph, nodeSeconds);
  return {
    key: null,
    profile,
    topology: isRelayed ? relayed(mesh) : mesh,
    names,
    spare: names.slice(1, -1),
    model,
    input: types.get("x") as TensorType,
    memoryBytes: null,
    secondsOf: (node) => durations.get(node) ?? 0,
    bytesOf: () => 0,
    isHidden: (device) => hidden.has(device),
    followsWorld: random.next() < 0.5,
    plan: remembered((left, another = 0) => planTiled(left, profile, seed + another * 2 ** 16)),
  };
}

interface Pictures {
  readonly model: OnnxModel;
  readonly types: ReadonlyMap<string, TensorType>;
}

/** A chain of convolutions with strides and borders of all kinds, and sums with what came before. */
function randomPictures(random: Random): Pictures {
  const builder = createBuilder({ name: "pictures" });
  const types = new Map<string, TensorType>();
  const declare = (name: string, rows: number, columns: number): void => {
    types.set(name, { dataType: "float32", shape: [1, 1, rows, columns] });
  };
  let [rows, columns] = [6 + random.integer(12), 1 + random.integer(4)];
  declare("x", rows, columns);
  builder.input("x", "float32", [1, 1, rows, columns]);
  const count = 3 + random.integer(4);
  let before = "x";
  for (let node = 0; node < count; node++) {
    const made = `t${node}`;
    const alike = [...types].flatMap(([name, { shape }]) =>
      name !== before && shape[2] === rows && shape[3] === columns ? [name] : [],
    );
    if (alike.length > 0 && random.next() < 0.4) {
      builder.node("Add", [before, random.pick(alike)], { name: `n${node}`, output: made });
    } else {
      const high = randomAxis(random, rows);
      const wide = randomAxis(random, columns);
      const shape = [1, 1, high.kernel, wide.kernel];
      const values = Float32Array.from({ length: high.kernel * wide.kernel }, () => random.next());
      builder.node("Conv", [before, builder.weight(`w${node}`, shape, values)], {
        name: `n${node}`,
        output: made,
        attributes: {
          kernel_shape: shape.slice(2),
          strides: [high.stride, wide.stride],
          pads: [high.begin, wide.begin, high.end, wide.end],
        },
      });
      [rows, columns] = [high.made, wide.made];
    }
    declare(made, rows, columns);
    before = made;
  }
  builder.output(before, "float32", [1, 1, rows, columns]);
  return { model: builder.build(), types };
}

function randomAxis(random: Random, extent: number) {
  const kernel = Math.min(extent, 1 + random.integer(4));
  const stride = extent > 8 && random.next() < 0.3 ? 2 : 1;
  const [begin, end] = [random.integer(kernel), random.integer(kernel)];
  const made = Math.floor((extent + begin + end - kernel) / stride) + 1;
  return { kernel, stride, begin, end, made };
}

/** Of some random plans that are allowed, one with tiles on as many devices as possible. */
function planTiled(topology: Topology, profile: Profile, seed: number): Planned {
  const { graph } = profile;
  const problem = problemOf(topology, profile, true);
  const random = createRandom(seed + 2 ** 31);
  const count = topology.devices.length;
  const candidates = [
    { placement: graph.nodes.map(() => problem.source), tiles: [] as TileStage[] },
    ...Array.from({ length: 24 }, () => {
      const placement = graph.nodes.map(() => random.integer(count));
      return { placement, tiles: randomTiles(random, problem, placement) };
    }),
  ];
  return bestOf(problem, candidates, seed, membersOf);
}

function membersOf({ tiles }: { readonly tiles: readonly TileStage[] }): number {
  return tiles.reduce((sum, { devices }) => sum + devices.length, 0);
}

/**
 * One or two stages of some devices, one behind the other, of the same or of others, and their nodes
 * moved to the first of them. Some devices have two tiles, some tiles only some of the columns.
 */
function randomTiles(random: Random, problem: Problem, placement: number[]): TileStage[] {
  const { index } = problem;
  const nodes = [...index.graph.nodes.keys()];
  const start = random.integer(nodes.length);
  const middle = start + 1 + random.integer(nodes.length - start);
  const end = middle + random.integer(nodes.length - middle + 1);
  const members = randomMembers(random, problem);
  const next = random.next() < 0.5 ? members : randomMembers(random, problem);
  const stages = [
    { own: nodes.slice(start, middle), by: members },
    { own: nodes.slice(middle, end), by: next },
  ];
  return stages.flatMap(({ own, by }): TileStage[] => {
    const last = own.at(-1);
    if (last === undefined) return [];
    for (const node of own) placement[node] = by[0] as number;
    const [height = 1, width = 1] = extentsOf(index, index.nodeOutputs[last]?.[0]);
    const isGrid = width > 1 && random.next() < 0.3;
    const sides = isGrid ? cutAxis(random, width, 2) : [{ from: 0, to: width }];
    const tiles = cutAxis(random, height, isGrid ? 2 : by.length).flatMap((rows) =>
      sides.map((columns) => ({ rows, columns })),
    );
    const rows = tiles.map((tile) => tile.rows);
    const columns = tiles.map((tile) => tile.columns);
    const devices = tiles.map((_, at) => by[at % by.length] as number);
    return [{ nodes: own, devices, rows, ...(isGrid ? { columns } : {}) }];
  });
}

/** Two or three devices; in some cases the first of them once more. */
function randomMembers(random: Random, { kinds }: Problem): number[] {
  const members = [...kinds.keys()]
    .filter((device) => kinds[device] !== null)
    .map((device) => ({ device, key: random.next() }))
    .sort((a, b) => a.key - b.key)
    .slice(0, 2 + random.integer(2))
    .map(({ device }) => device);
  return random.next() < 0.3 ? [...members, ...members.slice(0, 1)] : members;
}

/** At most so many spans, one after the other. */
function cutAxis(random: Random, extent: number, count: number): Rows[] {
  const inner = Array.from({ length: count - 1 }, () => 1 + random.integer(extent));
  const bounds = [...new Set([0, ...inner, extent])].sort((a, b) => a - b);
  return bounds.slice(1).map((to, at) => ({ from: bounds[at] as number, to }));
}
