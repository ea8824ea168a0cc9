import { isCoded } from "../../base/errors.ts";
import { type Graph, indexGraph } from "../../graph/graph.ts";
import { bindShapes, type OpenDimension, openDimensions } from "../../onnx/bind.ts";
import { operatorOf, toGraph } from "../../onnx/graph.ts";
import { mainGraph } from "../../onnx/message.ts";
import type { OnnxModel } from "../../onnx/model.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import { tensorBytes } from "../../onnx/tensor-data.ts";
import { measureTypes, readMetadata } from "../../runtime/metadata.node.ts";
import { type DeclaredTensor, readSignature } from "../../runtime/signature.ts";
import { argumentAt, type Command, defineCommand, flag } from "../command.ts";
import { loadModel, modelArgument } from "../model-argument.ts";
import { type DescribedTensor, type Inspection, printInspection } from "../print/inspection.ts";
import { shapeOption } from "../shape-option.ts";
import { findWaists } from "../waists.ts";

/** `partita inspect MODEL`. */
export const inspect: Command = defineCommand({
  summary: "show what is in a model, and where a cut is worth anything",
  arguments: [modelArgument],
  options: {
    shape: shapeOption,
    nodes: flag("--nodes", "list every node"),
    tensors: flag("--tensors", "list every tensor"),
  },
  examples: [
    "partita inspect model.onnx",
    "partita inspect model.onnx --shape x=1,3,320,320 --nodes",
    "partita inspect zoo:resnet18 --json",
  ],
  run: async (call) => {
    const { options, terminal } = call;
    const loaded = await loadModel(argumentAt(call, 0), terminal, { skeleton: true });
    const model = bindShapes(loaded.model, options.shape);
    const inspection = await look(loaded.name, model);
    if (terminal.json) terminal.document(inspection);
    else printInspection(inspection, options, terminal);
    return 0;
  },
});

async function look(name: string, model: OnnxModel): Promise<Inspection> {
  const { proto } = model;
  const graph = mainGraph(proto);
  const { inputs, outputs } = readSignature(model);
  const operators = new Map<string, number>();
  for (const node of graph.node) {
    const operator = operatorOf(node);
    operators.set(operator, (operators.get(operator) ?? 0) + 1);
  }
  const open = openDimensions(model);
  return {
    name,
    producer: [proto.producerName, proto.producerVersion].filter(Boolean).join(" ") || null,
    irVersion: Number(proto.irVersion),
    opsets: Object.fromEntries(
      proto.opsetImport.map(({ domain, version }) => [domain || "ai.onnx", Number(version)]),
    ),
    inputs: inputs.map(described),
    outputs: outputs.map(described),
    openDimensions: open,
    operators: Object.fromEntries([...operators].sort(([, a], [, b]) => b - a)),
    nodeCount: graph.node.length,
    parameterBytes: graph.initializer.reduce((sum, tensor) => sum + tensorBytes(tensor), 0),
    ...(await shapesOf(model, open)),
  };
}

function described({ name, dataType, shape, isRanked }: DeclaredTensor): DescribedTensor {
  return { name, dataType, shape: isRanked ? shape : null };
}

/** What needs the shapes of all tensors; without them, why they are not known. */
async function shapesOf(
  model: OnnxModel,
  open: readonly OpenDimension[],
): Promise<Pick<Inspection, "graph" | "figures" | "waists" | "shapesUnknown">> {
  const nothing = { graph: null, figures: null, waists: [] };
  if (open.length > 0) return { ...nothing, shapesUnknown: howToBind(open) };
  try {
    const graph = toGraph(model, await inferShapes(model, readMetadata, measureTypes));
    return {
      graph,
      figures: figuresOf(graph),
      waists: findWaists(indexGraph(graph)),
      shapesUnknown: null,
    };
  } catch (error) {
    if (!isCoded(error)) throw error;
    return { ...nothing, shapesUnknown: error.message };
  }
}

function howToBind(open: readonly OpenDimension[]): string {
  const listed = open.map(({ input, axis, symbol }) =>
    axis === null
      ? `${input} (even its rank)`
      : `${input}[${axis}]${symbol === null ? "" : ` '${symbol}'`}`,
  );
  return `these dimensions are open: ${listed.join(", ")}`;
}

function figuresOf(graph: Graph): NonNullable<Inspection["figures"]> {
  return {
    flop: graph.nodes.reduce((sum, { flop }) => sum + (flop ?? 0), 0),
    unknownFlop: graph.nodes.filter(({ flop }) => flop === null).length,
    tensorBytes: graph.tensors.reduce((sum, { bytes }) => sum + bytes, 0),
    largest: [...graph.tensors]
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, 5)
      .map(({ name, dataType, shape, bytes }) => ({
        name,
        dataType,
        shape,
        bytes,
      })),
  };
}
