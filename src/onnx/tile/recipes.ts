/**
 * How the node of each operator is written for a part of its output. What is not listed works on
 * elements and is written as it is.
 *
 * @module
 */
import type { NodeProto } from "onnx-buf";
import type { Region, Rows, Window } from "../../graph/window.ts";
import { intOf, textOf, withAttributes } from "../attributes.ts";
import { operatorOf } from "../graph.ts";
import { withFields } from "../message.ts";
import type { NodeFacts } from "../node-facts.ts";
import { cutsOf, padsOf } from "../window/moved.ts";
import { type Ratio, ratiosOf, resizingOf } from "../window/resize.ts";
import { spreadsOf } from "../window/transposed.ts";
import { type AxisCut, mirror, pad, resize, slide, spread } from "./axis.ts";
import { sample } from "./sample.ts";
import type { TileWriter } from "./writer.ts";

/** A node and what it is to make. */
export interface Task {
  readonly node: NodeProto;
  readonly window: Window;
  /** What is wanted of its output. */
  readonly made: Region;
  /** What it needs of its first input. */
  readonly needed: Region;
  /** Shapes of the whole first input and output. */
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly facts: NodeFacts;
  readonly writer: TileWriter;
}

/** What makes at least what is wanted. */
export interface Recipe {
  /** In the order in which they run; the last one makes the output. */
  readonly nodes: readonly [...NodeProto[], NodeProto];
  /** What is read of the node's first input. */
  readonly reads: Region;
  readonly makes: Region;
}

/** `null` if the node is not understood. */
type Cook = (task: Task) => Recipe | null;

/** What a node becomes in a tile; `null` if the operator moves positions in a way that is not known. */
export function recipeFor(task: Task): Recipe | null {
  const cook = catalogue.get(operatorOf(task.node));
  if (cook !== undefined) return cook(task);
  const { node, made, needed, window } = task;
  const { kernel, stride, scale = [1, 1], padBegin } = window;
  const isPixel = [kernel, stride, scale].flat().every((size) => size === 1);
  return isPixel && padBegin.every((begin) => begin === 0)
    ? { nodes: [node], reads: needed, makes: made }
    : null;
}

const sliding: Cook = ({ node, window, made, needed, input }) => {
  const axes = made.map((rows, axis) =>
    slide(window, axis, rows, needed[axis] as Rows, input[axis + 2] as number),
  );
  const isCeil = axes.some((axis) => axis.isCeil);
  const pads = [...axes.map(({ padBegin }) => padBegin), ...axes.map(({ padEnd }) => padEnd)];
  const rounding = intOf(node, "ceil_mode", 0) === 0 || isCeil ? {} : { ceil_mode: 0 };
  return {
    nodes: [withAttributes(node, { auto_pad: null, pads, ...rounding })],
    ...regionsOf(axes),
  };
};

const spreading: Cook = ({ node, made, needed, input, output, facts }) => {
  const spreads = spreadsOf(node, facts.shapeOf(node.input[1] ?? ""), input, output);
  if (spreads === null) return null;
  const axes = spreads.map((own, axis) => spread(own, made[axis] as Rows, needed[axis] as Rows));
  const edited = withAttributes(node, {
    auto_pad: null,
    output_shape: null,
    pads: [...axes.map(({ padBegin }) => padBegin), ...axes.map(({ padEnd }) => padEnd)],
    output_padding: axes.map(({ outputPadding }) => outputPadding),
  });
  return { nodes: [edited], ...regionsOf(axes) };
};

const padding: Cook = ({ node, made, needed, input, facts, writer }) => {
  const pads = padsOf(node, facts);
  if (pads === null) return null;
  const isMirrored = textOf(node, "mode", "constant") === "reflect";
  const axes = made.map((rows, axis) => {
    const [begin, end] = [pads.begin[axis + 2] as number, pads.end[axis + 2] as number];
    const read = needed[axis] as Rows;
    if (!isMirrored) return pad(begin, rows, read);
    return mirror(begin, end, rows, read, input[axis + 2] as number);
  });
  const numbers = [
    ...pads.begin.slice(0, 2),
    ...axes.map(({ padBegin }) => padBegin),
    ...pads.end.slice(0, 2),
    ...axes.map(({ padEnd }) => padEnd),
  ];
  const [data = "", stated = "", value = ""] = node.input;
  const edited =
    stated === ""
      ? withAttributes(node, { pads: numbers })
      : withFields(node, {
          input: [data, writer.integers(numbers), ...(value === "" ? [] : [value])],
        });
  return { nodes: [edited], ...regionsOf(axes) };
};

const slicing: Cook = ({ node, made, needed, input, facts, writer }) => {
  const cuts = cutsOf(node, facts, input);
  if (cuts === null) return null;
  const placed = cuts.map((cut) => {
    const own = needed[cut.axis - 2];
    return own === undefined ? cut : { ...cut, start: 0, end: own.to - own.from };
  });
  const starts = placed.map(({ start }) => start);
  const ends = placed.map(({ end }) => end);
  const axes = placed.map(({ axis }) => axis);
  const steps = placed.map(({ step }) => step);
  const [data = "", ...stated] = node.input;
  const edited =
    stated.length === 0
      ? withAttributes(node, { starts, ends, axes })
      : withFields(node, {
          input: [data, ...[starts, ends, axes, steps].map((values) => writer.integers(values))],
        });
  return { nodes: [edited], reads: needed, makes: made };
};

const toSpace: Cook = ({ node, needed }) => {
  const block = intOf(node, "blocksize", 1);
  return {
    nodes: [node],
    ...blocks(
      [block, block].map((to) => ({ from: 1, to })),
      needed,
    ),
  };
};

const toDepth: Cook = ({ node, made, needed }) => ({
  nodes: [node],
  reads: needed,
  makes: made,
});

const resizing: Cook = (task) => {
  const { node, made, needed, input, output, facts, writer } = task;
  const way = resizingOf(node, facts, input, output);
  if (way === null) return null;
  if (way.type === "samples") {
    const nodes = sample(way.sampling, { node, made, needed, input, output }, writer);
    return { nodes, reads: needed, makes: made };
  }
  const { reads, makes } = blocks(ratiosOf(input, output), needed);
  // PyTorch's way differs where one position is made, which in a tile may be one of many.
  const name = "coordinate_transformation_mode";
  const isOwn = textOf(node, name, "") === "pytorch_half_pixel";
  const placed = isOwn ? withAttributes(node, { [name]: "half_pixel" }) : node;
  const [data = "", region = "", factors = "", sizes = ""] = node.input;
  if (sizes === "") return { nodes: [placed], reads, makes };
  const shape = [...output.slice(0, 2), ...makes.map(({ from, to }) => to - from)];
  const edited = withFields(withAttributes(placed, { axes: null }), {
    input: [data, region, factors, writer.integers(shape)],
  });
  return { nodes: [edited], reads, makes };
};

function blocks(ratios: readonly Ratio[], needed: Region): Pick<Recipe, "reads" | "makes"> {
  return regionsOf(ratios.map((ratio, axis) => resize(ratio, needed[axis] as Rows)));
}

function regionsOf(axes: readonly AxisCut[]): Pick<Recipe, "reads" | "makes"> {
  return { reads: axes.map(({ reads }) => reads), makes: axes.map(({ makes }) => makes) };
}

/** By alphabet. */
const catalogue: ReadonlyMap<string, Cook> = new Map<string, Cook>([
  ["AveragePool", sliding],
  ["Conv", sliding],
  ["ConvInteger", sliding],
  ["ConvTranspose", spreading],
  ["DepthToSpace", toSpace],
  ["LpPool", sliding],
  ["MaxPool", sliding],
  ["Pad", padding],
  ["QLinearConv", sliding],
  ["Resize", resizing],
  ["Slice", slicing],
  ["SpaceToDepth", toDepth],
  ["Upsample", resizing],
  ["com.microsoft:FusedConv", sliding],
]);
