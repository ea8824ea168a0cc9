import { formatQuantity } from "../../base/units.ts";
import type { Graph } from "../../graph/graph.ts";
import type { OpenDimension } from "../../onnx/bind.ts";
import type { Terminal } from "../terminal.ts";
import type { Waist } from "../waists.ts";
import { shorten } from "./shorten.ts";
import { formatFacts, formatTable } from "./table.ts";

/** What a model declares about an input or output. */
export interface DescribedTensor {
  readonly name: string;
  readonly dataType: string;
  /** A string is an open dimension; `null`: not even the rank is declared. */
  readonly shape: readonly (number | string)[] | null;
}

/** What was read from a model. */
export interface Inspection {
  readonly name: string;
  readonly producer: string | null;
  readonly irVersion: number;
  /** Version by domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly DescribedTensor[];
  readonly outputs: readonly DescribedTensor[];
  readonly openDimensions: readonly OpenDimension[];
  /** Number of nodes by operator, the most frequent first. */
  readonly operators: Readonly<Record<string, number>>;
  readonly nodeCount: number;
  readonly parameterBytes: number;
  /** `null` as long as shapes are not known. */
  readonly graph: Graph | null;
  readonly figures: {
    readonly flop: number;
    /** Nodes whose operator has no formula. */
    readonly unknownFlop: number;
    readonly tensorBytes: number;
    readonly largest: readonly {
      readonly name: string;
      readonly dataType: string;
      readonly shape: readonly number[];
      readonly bytes: number;
    }[];
  } | null;
  readonly waists: readonly Waist[];
  readonly shapesUnknown: string | null;
}

/** More waists than this are thinned out. */
const mostWaists = 15;

/** Prints what was read, in sections. */
export function printInspection(
  inspection: Inspection,
  wanted: { readonly nodes: boolean; readonly tensors: boolean },
  terminal: Terminal,
): void {
  const { bold } = terminal.colours;
  terminal.line(bold(inspection.name));
  terminal.line(formatFacts(facts(inspection), terminal));
  const { graph, figures, waists, shapesUnknown } = inspection;
  if (shapesUnknown !== null) {
    terminal.line(`\n${bold("Shapes are not known yet")}: ${shapesUnknown}`);
    const shapes = inspection.inputs
      .filter(({ name }) => inspection.openDimensions.some(({ input }) => input === name))
      .map(({ name, shape }) => `--shape ${name}=${exampleOf(shape)}`);
    if (shapes.length > 0) {
      terminal.line(
        `  bind them for FLOP, tensor sizes and cuts, for instance ${shapes.join(" ")}`,
      );
    }
    return;
  }
  if (figures !== null) {
    terminal.line(`\n${bold("Largest tensors")}\n${largestTensors(figures.largest, terminal)}`);
    terminal.line(`\n${bold("Where a cut is worth anything")}\n${cuts(waists, terminal)}`);
  }
  if (graph === null) return;
  if (wanted.nodes) terminal.line(`\n${bold("Nodes")}\n${nodes(graph, terminal)}`);
  if (wanted.tensors) terminal.line(`\n${bold("Tensors")}\n${tensors(graph, terminal)}`);
}

function facts(inspection: Inspection): [string, string | number][] {
  const { figures, operators } = inspection;
  const opsets = Object.entries(inspection.opsets).map(([domain, version]) =>
    domain === "ai.onnx" ? `${version}` : `${domain} ${version}`,
  );
  return [
    ["producer", inspection.producer ?? "not stated"],
    ["opset", `${opsets.join(", ")} (IR version ${inspection.irVersion})`],
    ["inputs", inspection.inputs.map(describe).join("\n")],
    ["outputs", inspection.outputs.map(describe).join("\n")],
    ["nodes", inspection.nodeCount],
    ["operators", wrap(Object.entries(operators).map(([name, count]) => `${count} ${name}`))],
    ["parameters", formatQuantity(inspection.parameterBytes, "B")],
    ...(figures === null ? [] : [["work", work(figures)] satisfies [string, string]]),
  ];
}

function work({ flop, unknownFlop, tensorBytes }: NonNullable<Inspection["figures"]>): string {
  const unknown =
    unknownFlop === 0 ? "" : `; ${unknownFlop} nodes have no formula and count bytes only`;
  return `${formatQuantity(flop, "FLOP")} (a multiply-add is two)${unknown}\n${formatQuantity(tensorBytes, "B")} of tensors between nodes`;
}

function describe({ name, dataType, shape }: DescribedTensor): string {
  return `${name}: ${dataType} ${shape === null ? "of a shape that is not declared" : `[${shape.join(", ")}]`}`;
}

/** Lines of a readable length. */
function wrap(words: readonly string[]): string {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length > 70) lines.push(word);
    else lines[lines.length - 1] = `${last}, ${word}`;
  }
  return lines.join(",\n");
}

function exampleOf(declared: DescribedTensor["shape"]): string {
  const shape = declared ?? ["", ""];
  const usual = shape.length === 4 ? [1, 3, 320, 320] : [1, 128, 64];
  return shape.map((size, axis) => (typeof size === "number" ? size : (usual[axis] ?? 1))).join();
}

function largestTensors(
  largest: NonNullable<Inspection["figures"]>["largest"],
  terminal: Terminal,
): string {
  return formatTable(
    [{ head: "tensor" }, { head: "bytes", align: "right" }, { head: "type" }],
    largest.map(({ name, dataType, shape, bytes }) => [
      shorten(name, 48),
      formatQuantity(bytes, "B"),
      `${dataType} [${shape.join(", ")}]`,
    ]),
    terminal,
  );
}

function cuts(waists: readonly Waist[], terminal: Terminal): string {
  if (waists.length === 0) {
    return "  nowhere: no single tensor inside is smaller than the input";
  }
  const step = Math.ceil(waists.length / mostWaists);
  const shown = waists.filter((_, position) => (waists.length - 1 - position) % step === 0);
  const table = formatTable(
    [
      { head: "behind node" },
      { head: "tensor" },
      { head: "bytes", align: "right" },
      { head: "of the input", align: "right" },
      { head: "work before", align: "right" },
      { head: "parameters before", align: "right" },
    ],
    shown.map(({ node, tensor, bytes, inputRatio, flopShare, parameterBytes }) => [
      shorten(node),
      shorten(tensor),
      formatQuantity(bytes, "B"),
      percent(inputRatio),
      percent(flopShare),
      formatQuantity(parameterBytes, "B"),
    ]),
    terminal,
  );
  const hidden = waists.length - shown.length;
  const more = hidden === 0 ? "" : `\n  (${hidden} between these left out; all with --json)`;
  return `${table}${more}\n  One tensor crosses, smaller than the input and than every such tensor before it.`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(share < 0.1 ? 2 : 3))} %`;
}

function nodes(graph: Graph, terminal: Terminal): string {
  return formatTable(
    [
      { head: "node" },
      { head: "operator" },
      { head: "FLOP", align: "right" },
      { head: "parameters", align: "right" },
    ],
    graph.nodes.map(({ name, operator, flop, parameterBytes }) => [
      shorten(name, 60),
      operator,
      flop === null ? "unknown" : formatQuantity(flop, "FLOP"),
      formatQuantity(parameterBytes, "B"),
    ]),
    terminal,
  );
}

function tensors(graph: Graph, terminal: Terminal): string {
  return formatTable(
    [{ head: "tensor" }, { head: "bytes", align: "right" }, { head: "type" }],
    graph.tensors.map(({ name, dataType, shape, bytes }) => [
      shorten(name, 60),
      formatQuantity(bytes, "B"),
      `${dataType} [${shape.join(", ")}]`,
    ]),
    terminal,
  );
}
