import { formatQuantity } from "../../base/units.ts";
import type { DeviceProfile, Profile, ProfileSource } from "../../cost/profile.ts";
import type { Graph } from "../../graph/graph.ts";
import { bindShapes } from "../../onnx/bind.ts";
import { writeOnnxFile } from "../../onnx/files.node.ts";
import { quantile } from "../../runtime/fit.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import { checkInputs, readSignature } from "../../runtime/signature.ts";
import {
  argumentAt,
  type Call,
  type Command,
  defineCommand,
  flag,
  needed,
  quantity,
  text,
  usage,
} from "../command.ts";
import { writeWhole } from "../files.ts";
import {
  describeMeasurement,
  type Measurement,
  measure,
  readKept,
  thisMachine,
} from "../measuring.ts";
import { loadModel, modelArgument, type NamedModel } from "../model-argument.ts";
import { prepareModel, withLevel } from "../prepare.ts";
import { shorten } from "../print/shorten.ts";
import { formatFacts, formatTable } from "../print/table.ts";
import { profilingOptions } from "../profiles.ts";
import { measureRemotely, type RemoteChoices } from "../remote-profile.ts";
import { secureClient } from "../security.ts";
import type { Shapes } from "../shape-option.ts";
import { loadPreprocessing, readInput } from "../tensors/inputs.ts";
import type { Terminal } from "../terminal.ts";
import { demandToken, tokenOption } from "../token-option.ts";

/** Of a measurement on another machine. */
const defaultLimitSeconds = 1800;
/** Nodes listed as the most expensive ones. */
const listedNodes = 5;

/** `partita profile MODEL -o FILE`. */
export const profile: Command = defineCommand({
  summary: "measure what each node of a model costs on this machine",
  arguments: [
    { ...modelArgument, summary: `${modelArgument.summary}, or a graph saved by --graph` },
  ],
  options: {
    output: text("-o, --output <file>", "where to write the profile"),
    ...profilingOptions,
    as: text(
      "--as <name>",
      `what to call this kind of device (default ${thisMachine}, with --on the device's name)`,
    ),
    input: text("--input <file>", "a real input to measure codecs with (default: seeded noise)"),
    preprocessing: text("--preprocessing <file>", "how a picture becomes a tensor, as YAML"),
    graph: text("--graph <file>", "save the optimised graph, to be profiled on other machines"),
    force: flag(
      "--force",
      "measure again, even if the file holds the same measurement; with --on, even while the device serves",
    ),
    on: text("--on <agent>", "measure on this device, which has joined a coordinator"),
    to: text("--to <host:port>", "with --on: address of the coordinator"),
    token: tokenOption("with --on: as the coordinator printed it"),
    timeLimit: quantity("--time-limit <30 min>", "with --on: when to give it up", "s"),
  },
  examples: [
    "partita profile model.onnx -o model.profile.json",
    "partita profile model.onnx -o vm.profile.json --as vm --graph model.extended.onnx",
    "partita profile model.extended.onnx -o pi.profile.json --as pi-4   (on another machine)",
    "partita profile model.onnx -o pi.profile.json --on pi --to 192.168.1.10:7000 --token T",
  ],
  run: async (call) => {
    const { options, terminal, signal } = call;
    const remote = await readRemote(options, call);
    const file = needed(options.output, "-o FILE", "where to write the profile");
    const named = await loadModel(argumentAt(call, 0), terminal);
    const inputs = options.codecs === false ? undefined : await readSample(named, call);
    const kind = options.as ?? options.on;
    const measurement = describeMeasurement(named, options, kind, inputs);
    // What another machine is, is not known here: it always measures.
    const kept = options.force || remote !== null ? null : await readKept(file, measurement);
    const measured = async () =>
      remote === null
        ? (await measure(measurement, { terminal, signal })).profile
        : await measureRemotely(measurement, remote, terminal);
    const found = kept ?? (await writeInto(file, await measured(), terminal));
    if (options.graph !== undefined) await saveGraph(options.graph, measurement);
    if (terminal.json) terminal.document({ file, reused: kept !== null, source: found.source });
    else if (file !== "-") print(file, found, measurement.device, kept !== null, terminal);
    return 0;
  },
});

/** The input that was given, with the sizes that were given. */
async function readSample(
  { model }: NamedModel,
  {
    options,
    terminal,
  }: Call<{ input: string | undefined; preprocessing: string | undefined; shape: Shapes }>,
): Promise<TensorValues | undefined> {
  const { input, preprocessing, shape } = options;
  if (input === undefined) return undefined;
  const { inputs } = readSignature(bindShapes(model, shape));
  const how = await loadPreprocessing(preprocessing, terminal);
  const { values } = await readInput(input, inputs, how, terminal);
  checkInputs(inputs, values);
  return values;
}

/** Where to measure, if it is not here. @throws USAGE_INVALID */
async function readRemote(
  options: {
    readonly on: string | undefined;
    readonly to: string | undefined;
    readonly token: string | undefined;
    readonly timeLimit: number | undefined;
    readonly input: string | undefined;
    readonly batch: readonly number[] | undefined;
    readonly force: boolean;
  },
  { terminal, signal }: { readonly terminal: Terminal; readonly signal: AbortSignal },
): Promise<RemoteChoices | null> {
  const { on: device, to, token, timeLimit, input, force } = options;
  if (device === undefined) {
    if (to === undefined && token === undefined && timeLimit === undefined) return null;
    throw usage("--to, --token and --time-limit are for another machine: name it with --on");
  }
  if (options.batch !== undefined) {
    throw usage("--batch measures on this machine only: run profile --batch on the other one");
  }
  if (input !== undefined) {
    throw usage("--input stays on this machine: with --on codecs are measured on seeded noise");
  }
  const address = needed(to, "--to HOST:PORT", "address of the coordinator");
  const { transport, secret } = secureClient(await demandToken(token, terminal));
  const limitSeconds = timeLimit ?? defaultLimitSeconds;
  return { device, address, token: secret, transport, signal, limitSeconds, force };
}

async function writeInto(file: string, measured: Profile, terminal: Terminal): Promise<Profile> {
  await writeWhole(file, `${JSON.stringify(measured)}\n`, terminal);
  return measured;
}

async function saveGraph(path: string, { named, source }: Measurement): Promise<void> {
  const { model } = await prepareModel(named.model, source.level, source.shapes);
  await writeOnnxFile(path, withLevel(model, source.level));
}

function print(
  file: string,
  { graph, devices, source }: Profile,
  name: string,
  reused: boolean,
  terminal: Terminal,
): void {
  const device = devices[name] as DeviceProfile;
  const seconds = device.nodeSeconds.map((value) => value ?? 0);
  const total = seconds.reduce<number>((sum, value) => sum + value, 0);
  const { bold } = terminal.colours;
  terminal.line(
    reused
      ? `${bold("reused")} ${file}: the same model, shapes, level, threads, runtime and machine (measure again with --force)`
      : `wrote ${file}`,
  );
  const facts: [string, string | number][] = [
    ["device", name],
    ["machine", source?.machine ?? "not stated"],
    ["runtime", `${source?.runtime}, level ${source?.level}, threads: ${source?.threads}`],
    ["nodes", graph.nodes.length],
    ["whole graph", formatQuantity(total, "s", 4)],
    [
      "per boundary",
      `${formatQuantity(device.overheadSeconds, "s")} a tensor, ${formatQuantity(device.boundarySecondsPerByte * 1e6, "s")} a MB`,
    ],
    ["memory", `${formatQuantity(device.overheadBytes, "B")} for the runtime itself`],
    ["codecs", describeCodecs(graph, source)],
  ];
  terminal.line(formatFacts(facts, terminal));
  const dearest = graph.nodes
    .map((node, position) => ({ ...node, seconds: seconds[position] ?? 0 }))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, listedNodes);
  const columns = [
    { head: "dearest nodes" },
    { head: "operator" },
    { head: "time", align: "right" },
    { head: "share", align: "right" },
  ] as const;
  const rows: string[][] = dearest.map((node) => [
    shorten(node.name),
    node.operator,
    formatQuantity(node.seconds, "s"),
    `${((node.seconds / total) * 100).toFixed(1)} %`,
  ]);
  terminal.line(`\n${formatTable(columns, rows, terminal)}`);
}

function describeCodecs({ tensors }: Graph, source: ProfileSource | undefined): string {
  if (source?.codecs === undefined) return "not measured";
  const best = tensors.flatMap(({ codecs }) =>
    codecs === undefined ? [] : [Math.max(...Object.values(codecs).map(({ ratio }) => ratio))],
  );
  const on = source.codecs.inputSha256 === null ? "seeded noise (--input FILE)" : "a real input";
  if (best.length === 0) return `none makes a tensor smaller, measured on ${on}`;
  const median = quantile(best, 0.5);
  return `make ${best.length} of ${tensors.length} tensors smaller, ${median.toPrecision(2)} x at the median, measured on ${on}`;
}
