import { messageOf } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import type { ClusterEvent } from "../../cluster/status.ts";
import { remoteAddresses } from "../addresses.ts";
import {
  type Call,
  type Command,
  defineCommand,
  flag,
  needed,
  type Option,
  quantity,
  text,
  texts,
  usage,
  whole,
} from "../command.ts";
import { deployOptions } from "../deploy.ts";
import { type Log, logOption, openLog } from "../log.ts";
import { modelArgument } from "../model-argument.ts";
import { rateOption } from "../models.ts";
import { loadTopology, topologyArgument } from "../planning.ts";
import { describeEvent } from "../print/cluster-status.ts";
import { printPlaces } from "../print/places.ts";
import { isLoopback } from "../security.ts";
import {
  answerQuestions,
  defaultStateFolder,
  type Ground,
  joinItself,
  openGround,
} from "../service.ts";
import { type Doors, openDoors } from "../serving/doors.ts";
import { startLocalAgents } from "../serving/local-agents.ts";
import { forgetDevices } from "../serving/model-host.ts";
import { readNamedModels } from "../serving/named-models.ts";
import { placeModels } from "../serving/place-models.ts";
import { loadSources, type ServedSource } from "../serving/served-source.ts";
import { type Serving, startServing } from "../serving/start-serving.ts";
import { readToken, tokenOption } from "../token-option.ts";

/** Each request by itself: batches are not planned for several models. */
const { plan: _, maxBatch: _most, maxWait: _wait, batch: _batch, ...planning } = deployOptions;

const usualHttp = "127.0.0.1:8000";
const usualGrpc = "127.0.0.1:8001";
const usualDrainSeconds = 30;

const noTls: Option<boolean> = {
  flags: "--no-tls",
  summary: "no TLS between devices, with a warning off the loopback",
  repeatable: false,
  read: (given) => given === false,
};

const noAdapt: Option<boolean> = {
  flags: "--no-adapt",
  summary: "stay with a plan while links and devices change, until something is lost",
  repeatable: false,
  read: (given) => given === false,
};

const options = {
  http: text("--http <host:port>", `where clients ask over HTTP (default ${usualHttp})`),
  grpc: text("--grpc <host:port>", `where clients ask over gRPC (default ${usualGrpc})`),
  metrics: text("--metrics <host:port>", "where /metrics is, too (it always is a part of --http)"),
  rate: rateOption,
  local: flag("--local", "start the agents on this machine, which imitates the topology"),
  listen: text(
    "--listen <host:port>",
    "where agents dial, for instance 0.0.0.0:7000 (default with --local: a free port)",
  ),
  as: text("--as <device>", "this machine is that device, too"),
  tls: flag("--tls", "TLS between devices on the loopback, too (elsewhere it is on)"),
  noTls,
  token: tokenOption("what agents must show (default: one that is made and kept)"),
  state: text("--state <folder>", "keys, token and journals (default: by the topology's name)"),
  forget: texts("--forget <device>", "let another machine have this device's name; repeatable"),
  discover: flag("--discover", "answer agents that look for a coordinator on the local network"),
  mixed: flag("--mixed", "let in agents with another ONNX Runtime: answers may differ in bits"),
  noAdapt,
  heartbeat: quantity("--heartbeat <0.5 s>", "how often agents must be heard", "s"),
  missed: whole("--missed <n>", "a device is lost that misses more heartbeats (default 10)", 1),
  drain: quantity(
    "--drain <30 s>",
    "how long what was asked may take to be answered when it is told to end",
    "s",
  ),
  log: logOption,
  ...planning,
};

type Choices = { readonly [K in keyof typeof options]: ReturnType<(typeof options)[K]["read"]> };

/** `partita serve TOPOLOGY MODEL…`. */
export const serve: Command = defineCommand({
  summary: "serve models split over machines by the Open Inference Protocol, as Triton does",
  endsByInterrupt: true,
  arguments: [
    topologyArgument,
    { syntax: "<model...>", summary: `${modelArgument.summary}; NAME=MODEL serves it as NAME` },
  ],
  options,
  examples: [
    "partita serve home.topology.yaml model.onnx --local",
    "partita serve home.topology.yaml detector=yolo.onnx zoo:mobilenetv2 --rate detector=5/s --local",
    "partita serve home.topology.yaml model.onnx --listen 0.0.0.0:7000 --http 0.0.0.0:8000 --grpc 0.0.0.0:8001",
  ],
  run: async (call) => {
    const { terminal, signal } = call;
    const options = { ...call.options, maxBatch: undefined, maxWait: undefined };
    const [topologyFile = "", ...words] = call.arguments;
    const choices = await readChoices(topologyFile, call);
    const names = readNamedModels(words, options.rate);
    if (names.length > 1 && options.objective !== undefined && options.objective !== "latency") {
      throw usage("--objective is for one model: several are placed for the least latency");
    }
    await using log = await openLog(options.log, "serve", terminal);
    await using ground = await openGround({ ...choices, forget: [], terminal });
    await forgetDevices(ground.folder, options.forget);
    const topology = await loadTopology(topologyFile, terminal);
    const sources = await loadSources(names, topology, { options, terminal, signal });
    checkDevice(options.as, topology.devices);
    const places = await placeModels(sources, topology, options, terminal, signal);
    if (!terminal.json) printPlaces(places, terminal);
    signal.throwIfAborted();
    await using serving = await startServing(ground, {
      sources,
      places,
      topology,
      emulate: options.local && !options.fullSpeed,
      mixed: options.mixed,
      adapt: !options.noAdapt,
      heartbeatSeconds: options.heartbeat ?? 0.5,
      missedHeartbeats: options.missed ?? 10,
      options,
      signal,
      onEvent: (model, event) => report(model, event, log, call),
    });
    const { http = usualHttp, grpc = usualGrpc, metrics } = options;
    await using doors = await openDoors({ http, grpc, metrics }, serving, terminal);
    await using _agents = await gatherAgents(ground, serving, topology, call);
    const begun = serving.models.begin(places, (model, error) =>
      terminal.note(`model '${model}' is not served: ${messageOf(error)}`),
    );
    announce(ground, serving, doors, sources, call);
    await untilAborted(signal);
    await doors.drain(seconds(options.drain ?? usualDrainSeconds));
    await serving.models.close();
    await begun;
    return 0;
  },
});

async function readChoices(topologyFile: string, { options, terminal }: Call<Choices>) {
  const { heartbeat, tls, noTls: withoutTls, local } = options;
  if (tls && withoutTls) throw usage("--tls and --no-tls: give one of them");
  if (heartbeat === 0) throw usage("--heartbeat wants more than 0 s");
  if (local && options.as !== undefined) {
    throw usage("--as is for machines that are one device each: leave it out with --local");
  }
  const listen = needed(
    options.listen ?? (local ? "127.0.0.1:0" : undefined),
    "--listen HOST:PORT (or --local)",
    "where agents dial; 0.0.0.0:7000 for all networks of this machine; --local starts all agents here",
  );
  if (local && !isLoopback(listen)) {
    throw usage(`--local runs everything on this machine, and ${listen} is dialled from others`);
  }
  return {
    listen,
    tls: withoutTls ? false : tls || undefined,
    token: await readToken(options.token, terminal),
    folder: options.state ?? defaultStateFolder(topologyFile, terminal),
  };
}

/** @throws USAGE_INVALID if the topology has no such device */
function checkDevice(as: string | undefined, devices: readonly { readonly name: string }[]): void {
  if (as === undefined || devices.some(({ name }) => name === as)) return;
  const names = devices.map(({ name }) => name).join(", ");
  throw usage(`--as ${as}: the topology has no such device (devices: ${names})`);
}

/** Those that are to run here. */
async function gatherAgents(
  ground: Ground,
  { address }: Serving,
  topology: Parameters<typeof startLocalAgents>[1],
  { options: { local, as, discover }, terminal }: Call<Choices>,
): Promise<AsyncDisposable> {
  if (discover) answerQuestions(ground, address);
  if (as !== undefined) joinItself(ground, address, as);
  if (!local) return { [Symbol.asyncDispose]: async () => undefined };
  return startLocalAgents({ address, token: ground.security.token }, topology, terminal);
}

function report(
  model: string,
  event: ClusterEvent,
  log: Log | null,
  { terminal }: Call<Choices>,
): void {
  const entry = { model, ...event };
  log?.write("info", entry);
  if (terminal.json) terminal.line(JSON.stringify(entry));
  else terminal.line(`  ${model}: ${describeEvent(event)}`);
}

/** Where to ask, and what to start elsewhere. */
function announce(
  { security: { token } }: Ground,
  { address }: Serving,
  { http, grpc, metrics }: Doors,
  sources: readonly ServedSource[],
  { options: { local, as }, terminal }: Call<Choices>,
): void {
  const models = sources.map(({ name }) => name);
  if (terminal.json) {
    terminal.line(
      JSON.stringify({ type: "listening", address, token, http, grpc, metrics, models }),
    );
    return;
  }
  const { bold } = terminal.colours;
  terminal.line(`${bold("serving")} at ${http}, gRPC at ${grpc}`);
  for (const name of models) terminal.line(`  curl ${http}/v2/models/${name}`);
  terminal.line(`  curl ${metrics}/metrics`);
  const [where = address] = remoteAddresses(address);
  if (!local) {
    const devices = sources[0]?.topology.devices ?? [];
    terminal.line("Start on each machine (an agent that runs already comes back by itself):");
    for (const { name, relay } of devices) {
      if (name === as || relay !== undefined) continue;
      terminal.line(`  ${terminal.program} agent --join ${where} --name ${name} --token ${token}`);
    }
  }
  terminal.line("To look on:");
  terminal.line(`  ${terminal.program} status --to ${where} --token ${token}`);
  terminal.line("Ctrl-C or SIGTERM: what was asked is answered, then it ends.");
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
