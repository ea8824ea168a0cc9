import { bindShapes } from "../../onnx/bind.ts";
import { mainGraph, withGraph } from "../../onnx/message.ts";
import type { OnnxModel } from "../../onnx/model.ts";
import { declareValue } from "../../onnx/type-proto.ts";
import { compareTensors, type TensorDifference } from "../../runtime/compare.ts";
import { createOnnxRuntime } from "../../runtime/onnxruntime.node.ts";
import type { Runtime, Session, TensorValues } from "../../runtime/runtime.ts";
import { readSignature } from "../../runtime/signature.ts";
import { runSplit, type TileSession } from "../../runtime/split-run.ts";
import {
  argumentAt,
  type Command,
  defineCommand,
  needed,
  text,
  texts,
  usage,
  whole,
} from "../command.ts";
import { type Cut, cutByPlan, cutLevelOption } from "../cut.ts";
import { loadModel, modelArgument } from "../model-argument.ts";
import { loadPlan } from "../planning.ts";
import { showProgress } from "../print/progress.ts";
import { type CheckedRequest, printVerification } from "../print/verification.ts";
import { shapeOption } from "../shape-option.ts";
import { collectRequests } from "../tensors/collect.ts";
import { type InputFile, loadPreprocessing } from "../tensors/inputs.ts";

/** Random requests, unless files are given. */
const defaultSeeds = 3;

/** `partita verify MODEL --plan P`. */
export const verify: Command = defineCommand({
  summary: "run a model whole and split, and compare every bit of the answers",
  arguments: [modelArgument],
  options: {
    plan: text("-p, --plan <file>", "where to split"),
    level: cutLevelOption,
    shape: shapeOption,
    input: texts("--input <file>", "a request: .npy, .npz, .raw, a picture, or a folder of them"),
    preprocessing: text("--preprocessing <file>", "how pictures become tensors, as YAML"),
    seeds: whole("--seeds <n>", "number of random requests (default 3, with --input 0)"),
    threads: whole("--threads <n>", "threads of the runtime (default: the plan's, else 1)", 1),
  },
  examples: [
    "partita verify model.onnx --plan model.plan.json",
    "partita verify model.onnx --plan model.plan.json --input cat.png --level basic",
  ],
  run: async (call) => {
    const { options, terminal, signal } = call;
    const file = needed(options.plan, "--plan FILE", "where to split");
    const plan = await loadPlan(file, terminal);
    const { name, model } = await loadModel(argumentAt(call, 0), terminal);
    const level = options.level ?? plan.level ?? "basic";
    const cut = await cutByPlan(model, plan, level, options.shape);
    const bound = bindShapes(cut.prepared.model, options.shape);
    const requests = await collectRequests(readSignature(bound).inputs, {
      files: options.input,
      preprocessing: await loadPreprocessing(options.preprocessing, terminal),
      seeds: options.seeds ?? (options.input.length > 0 ? 0 : defaultSeeds),
      terminal,
    });
    if (requests.length === 0) throw usage("nothing to compare: give --input FILE or --seeds N");
    const threads = options.threads ?? plan.threads ?? 1;
    await using sessions = await openSessions(cut, threads);
    const progress = showProgress("verify", terminal);
    const checked: CheckedRequest[] = [];
    try {
      for (const [position, request] of requests.entries()) {
        signal.throwIfAborted();
        progress.update(position / requests.length, request.name);
        checked.push(await checkRequest(request, sessions, cut.prepared.graph.outputs));
      }
    } finally {
      progress.stop();
    }
    const culprit = await findCulprit(cut, requests, checked, sessions, threads);
    const counts = { stages: plan.stages.length, parts: cut.parts.length };
    return printVerification({ name, level, threads, ...counts, checked, culprit }, terminal);
  },
});

interface Sessions extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly whole: Session;
  readonly split: readonly (Session | TileSession)[];
}

/** Loads the whole graph and all parts; released together. */
async function openSessions({ prepared, parts }: Cut, threads: number): Promise<Sessions> {
  const runtime = createOnnxRuntime();
  const whole = await runtime.load(prepared.model, { threads });
  const extents = new Map(
    prepared.graph.tensors.map(({ name, shape }) => [name, shape.slice(2)] as const),
  );
  const loaded: Session[] = [];
  const split: (Session | TileSession)[] = [];
  const release = async (): Promise<void> => {
    await Promise.all([whole, ...loaded].map((session) => session.release()));
  };
  try {
    for (const { model, tile } of parts) {
      const session = await runtime.load(model, { threads });
      loaded.push(session);
      split.push(tile === null ? session : { session, ...tile, extents });
    }
  } catch (error) {
    await release();
    throw error;
  }
  return { runtime, whole, split, [Symbol.asyncDispose]: release };
}

async function checkRequest(
  request: InputFile,
  { whole, split }: Sessions,
  outputs: readonly string[],
): Promise<CheckedRequest> {
  const expected = (await whole.run(copied(request.values))).outputs;
  const observed = (await runSplit(split, request.values, outputs)).outputs;
  return { name: request.name, outputs: compareAll(expected, observed, outputs) };
}

function compareAll(
  expected: TensorValues,
  observed: TensorValues,
  names: readonly string[],
): Record<string, TensorDifference> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const [reference, other] = [expected[name], observed[name]];
      if (reference === undefined || other === undefined) return [];
      return [[name, compareTensors(reference, other)] as const];
    }),
  );
}

/** A run takes the buffers of its inputs away. */
function copied(values: TensorValues): TensorValues {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      { ...value, data: new Uint8Array(value.data) },
    ]),
  );
}

/**
 * The first tensor between two stages that differs, in the order of the stages: the stage that makes
 * it is where the answers part.
 */
async function findCulprit(
  { prepared, parts }: Cut,
  requests: readonly InputFile[],
  checked: readonly CheckedRequest[],
  { runtime, split }: Sessions,
  threads: number,
): Promise<{ tensor: string; stage: string; difference: number } | null> {
  const position = checked.findIndex(({ outputs }) =>
    Object.values(outputs).some(({ bitEqual }) => !bitEqual),
  );
  const request = requests[position];
  if (request === undefined) return null;
  const made = parts.flatMap(({ id, model }) =>
    readSignature(model).outputs.map(({ name }) => ({ name, stage: id })),
  );
  const names = [...new Set(made.map(({ name }) => name))];
  const whole = await runtime.load(watching(prepared.model, names), { threads });
  try {
    const expected = (await whole.run(copied(request.values))).outputs;
    const observed = (await runSplit(split, request.values, names)).outputs;
    const differences = compareAll(expected, observed, names);
    const first = made.find(({ name }) => differences[name]?.bitEqual === false);
    if (first === undefined) return null;
    const difference = differences[first.name]?.maxRelative ?? 0;
    return { tensor: first.name, stage: first.stage, difference };
  } finally {
    await whole.release();
  }
}

/** The whole graph with more outputs; nothing else changes, since it is not optimised again. */
function watching(model: OnnxModel, names: readonly string[]): OnnxModel {
  const { output } = mainGraph(model.proto);
  const listed = new Set(output.map(({ name }) => name));
  const added = names
    .filter((name) => !listed.has(name))
    .map((name) => declareValue(name, { dataType: "undefined", shape: null }));
  return { ...model, proto: withGraph(model.proto, { output: [...output, ...added] }) };
}
