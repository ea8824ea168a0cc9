/**
 * Extracts a tile: an ONNX model that makes some positions of what some nodes make.
 *
 * @module
 */
import type { GraphProto, NodeProto, ValueInfoProto } from "onnx-buf";
import { CodedError } from "../base/errors.ts";
import { type Graph, type GraphIndex, indexGraph, type Node, type Tensor } from "../graph/graph.ts";
import { extentsOf, type Tile, tileOf } from "../graph/tile.ts";
import {
  neededRegion,
  type Region,
  type Rows,
  regionSize,
  rowCount,
  type Window,
} from "../graph/window.ts";
import { extractPart } from "./extract.ts";
import { mainGraph, withFields, withGraph } from "./message.ts";
import type { OnnxModel } from "./model.ts";
import { type NodeFacts, nodeFacts } from "./node-facts.ts";
import { structureOf } from "./structure.ts";
import { recipeFor } from "./tile/recipes.ts";
import { TileWriter } from "./tile/writer.ts";
import { declareValue } from "./type-proto.ts";
import { withPictureParameters } from "./window/pixels.ts";

/** A model of a tile, and what it reads and makes, by the names that the tensors have in the whole. */
export interface TilePart {
  readonly part: OnnxModel;
  /** Of each tensor that enters, halo included. */
  readonly inputs: ReadonlyMap<string, Region>;
  /** Of each tensor that leaves; more than was asked for of one that is read inside, too. */
  readonly outputs: ReadonlyMap<string, Region>;
}

/**
 * The part of a model that runs some of its nodes for some positions of their outputs, with the
 * constants that they need. Everything is computed from what `tileOf` says that it needs: halos that
 * other tiles compute, too, are computed again. Padding is left at the true borders only.
 *
 * Tensors keep their names. Inputs and outputs are regions of them, in graph order; nodes of which
 * nothing is wanted are left out. What several nodes read in different regions is held in one piece
 * and cropped. Weights are shared with `model`, not copied. O(model) time.
 *
 * @param model whose nodes are uniquely named
 * @param graph of that model (`toGraph`)
 * @param nodes all with a window; any set, not only chains
 * @param outputs regions of tensors that the nodes make: of what others read all that the tile is for
 * @throws TENSOR_UNKNOWN if there is no such node, or none of the nodes makes such a tensor;
 * TENSOR_SHAPE_MISMATCH if a region does not lie in its tensor, or nothing is wanted at all;
 * ONNX_UNSUPPORTED if a node needs all of its inputs, or is not known how to be made in part
 */
export function extractTile(
  model: OnnxModel,
  graph: Graph,
  nodes: readonly string[],
  outputs: ReadonlyMap<string, Region>,
): TilePart {
  const index = indexGraph(graph);
  const positions = nodes.map((name) => positionOf(index, name)).sort((a, b) => a - b);
  const tile = tileOf(index, positions, askedOf(index, positions, outputs));
  const running = positions.filter((node) => regionSize(tile.nodes.get(node) ?? []) > 0);
  const types = new Map(
    graph.tensors.map(({ name, dataType, shape }) => [name, { dataType, shape }]),
  );
  const names = running.map((node) => graph.nodes[node]?.name ?? "");
  const { proto, weights } = extractPart(model, names, types);
  const main = mainGraph(proto);
  const writer = writeNodes(model, main, index, tile, types);
  const wanted = [...outputs].filter(([, region]) => regionSize(region) > 0);
  const entering = regionsOf(
    index,
    tile,
    main.input.map(({ name }) => name),
  );
  const leaving = regionsOf(
    index,
    tile,
    wanted.map(([name]) => name),
  );
  const declare = ([name, region]: readonly [string, Region]): ValueInfoProto =>
    declareRegion(index, name, region);
  const part = withGraph(proto, {
    node: writer.nodes,
    initializer: [...main.initializer, ...writer.constants],
    input: [...entering].map(declare),
    output: [...leaving].map(declare),
    valueInfo: [],
  });
  return { part: { proto: part, weights }, inputs: entering, outputs: leaving };
}

function positionOf(index: GraphIndex, name: string): number {
  const position = index.nodeByName.get(name);
  if (position === undefined) {
    throw new CodedError("TENSOR_UNKNOWN", `the graph has no node '${name}'`, { node: name });
  }
  const { operator, window } = index.graph.nodes[position] as Node;
  if (window !== undefined) return position;
  throw refused(
    name,
    operator,
    "has no window: it needs all of its inputs, or does not work on tensors [batch, channels, height, width] in a way that is known; end the tiles in front of it",
  );
}

function refused(node: string, operator: string, why: string): CodedError {
  return new CodedError("ONNX_UNSUPPORTED", `node '${node}' (${operator}) ${why}`, {
    node,
    operator,
  });
}

function askedOf(
  index: GraphIndex,
  nodes: readonly number[],
  outputs: ReadonlyMap<string, Region>,
): Map<number, Region> {
  const { tensorByName, producer } = index;
  const inside = new Set<number | null | undefined>(nodes);
  const asked = [...outputs].map(([name, region]): [number, Region] => {
    const tensor = tensorByName.get(name);
    if (tensor !== undefined && inside.has(producer[tensor])) {
      requireInside(name, region, extentsOf(index, tensor));
      return [tensor, region];
    }
    throw new CodedError("TENSOR_UNKNOWN", `no node of the tile makes a tensor '${name}'`, {
      tensor: name,
    });
  });
  if (asked.some(([, region]) => regionSize(region) > 0)) {
    return new Map(asked.sort(([a], [b]) => a - b));
  }
  throw new CodedError("TENSOR_SHAPE_MISMATCH", "a tile was asked for of which nothing is wanted");
}

function requireInside(tensor: string, region: Region, extents: readonly number[]): void {
  const isInside = ({ from, to }: Rows, axis: number): boolean =>
    Number.isInteger(from) && Number.isInteger(to) && from >= 0 && to <= (extents[axis] as number);
  if (region.length === extents.length && region.every(isInside)) return;
  const spans = region.map(({ from, to }) => `${from} to ${to}`).join(" × ");
  throw new CodedError(
    "TENSOR_SHAPE_MISMATCH",
    `a tile was asked for the positions ${spans} of '${tensor}', which has ${extents.join(" × ")} rows and columns`,
    { tensor },
  );
}

/** In the order of the graph. */
function regionsOf(
  { tensorByName }: GraphIndex,
  tile: Tile,
  names: readonly string[],
): Map<string, Region> {
  const at = (name: string): number => tensorByName.get(name) as number;
  const ordered = [...names].sort((a, b) => at(a) - at(b));
  return new Map(ordered.map((name) => [name, tile.tensors.get(at(name)) as Region]));
}

function declareRegion({ graph, tensorByName }: GraphIndex, name: string, region: Region) {
  const { dataType, shape } = graph.tensors[tensorByName.get(name) as number] as Tensor;
  const sizes = shape.length === 4 ? [...shape.slice(0, 2), ...region.map(rowCount)] : shape;
  return declareValue(name, { dataType, shape: sizes });
}

/** What every node of a part is written with. */
interface Writing {
  readonly index: GraphIndex;
  readonly tile: Tile;
  readonly facts: NodeFacts;
  readonly writer: TileWriter;
}

function writeNodes(
  { proto }: OnnxModel,
  part: GraphProto,
  index: GraphIndex,
  tile: Tile,
  types: ReadonlyMap<string, Tensor | Pick<Tensor, "dataType" | "shape">>,
): TileWriter {
  const whole = mainGraph(proto);
  const facts = nodeFacts(proto, structureOf(whole), (name) => types.get(name));
  const taken = [...part.node.flatMap(({ name, output }) => [name, ...output]), ...types.keys()];
  const constants = part.initializer.map(({ name }) => name);
  const writer = new TileWriter(facts.opset, [...taken, ...constants]);
  for (const node of part.node) writeNode({ index, tile, facts, writer }, node);
  return writer;
}

/** Crops what the node reads, and what it makes where it cannot make exactly what is wanted. */
function writeNode({ index, tile, facts, writer }: Writing, node: NodeProto): void {
  const position = index.nodeByName.get(node.name);
  const made = position === undefined ? undefined : tile.nodes.get(position);
  if (position === undefined || made === undefined) {
    writer.nodes.push(node);
    return;
  }
  const { operator, window } = index.graph.nodes[position] as Node & { readonly window: Window };
  const [first, ...others] = node.input.map((name) => index.tensorByName.get(name));
  const needs = (tensor: number) => neededRegion(window, made, extentsOf(index, tensor));
  const recipe = recipeFor({
    node,
    window,
    made,
    needed: first === undefined ? made : needs(first),
    input: facts.shapeOf(node.input[0] ?? "") ?? [],
    output: facts.shapeOf(node.output[0] ?? "") ?? [],
    facts,
    writer,
  });
  if (recipe === null) throw refused(node.name, operator, "cannot be made in part");
  const held = (tensor: number) => tile.tensors.get(tensor) as Region;
  const cropped = new Map(
    node.input.map((name, at) => {
      const tensor = at === 0 ? first : others[at - 1];
      if (tensor === undefined) return [name, cropConstant(writer, facts, operator, name, made)];
      return [name, writer.crop(name, held(tensor), at === 0 ? recipe.reads : needs(tensor))];
    }),
  );
  const written = recipe.nodes.map((own) =>
    withFields(own, { input: own.input.map((name) => cropped.get(name) ?? name) }),
  );
  writer.nodes.push(...written.slice(0, -1));
  writer.write(written.at(-1) as NodeProto, recipe.makes, made);
}

/** A parameter that differs from position to position is cropped, too. */
function cropConstant(
  writer: TileWriter,
  facts: NodeFacts,
  operator: string,
  name: string,
  made: Region,
): string {
  const shape = facts.shapeOf(name) ?? [];
  const sizes = made.map((_, axis) => shape.at(axis - 2) ?? 1);
  if (!withPictureParameters.has(operator) || sizes.every((size) => size === 1)) return name;
  const bounds = { axes: [], starts: [], ends: [] } as Record<"axes" | "starts" | "ends", number[]>;
  made.forEach(({ from, to }, axis) => {
    if (sizes[axis] === 1) return;
    bounds.axes.push(shape.length + axis - 2);
    bounds.starts.push(from);
    bounds.ends.push(to);
  });
  const result = writer.free(`${name}/part`);
  writer.slice(name, result, bounds);
  return result;
}
