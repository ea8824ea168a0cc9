import { CodedError, messageOf } from "../../base/errors.ts";
import { type Seconds, seconds } from "../../base/units.ts";
import type { ClusterEvent } from "../../cluster/status.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Place } from "../../server/repository/hosted-models.ts";
import { dialableAddresses } from "../addresses.ts";
import {
  type Call,
  type Command,
  defineCommand,
  flag,
  needed,
  quantity,
  text,
  usage,
} from "../command.ts";
import {
  accompany,
  checkDeviceHere,
  coordinatingOptions,
  readGroundChoices,
} from "../coordinating.ts";
import { deployOptions } from "../deploy.ts";
import { type Log, openLog } from "../log.ts";
import { modelArgument } from "../model-argument.ts";
import { openNats } from "../nats-option.ts";
import { loadTopology, topologyArgument } from "../planning.ts";
import { describeEvent } from "../print/cluster-status.ts";
import { printPlaces } from "../print/places.ts";
import { printDoors, printInvitation } from "../print/serving.ts";
import { tellTurns } from "../print/turns.ts";
import { isLoopback } from "../security.ts";
import { type Ground, openGround } from "../service.ts";
import { type Doors, openDoors } from "../serving/doors.ts";
import { startLocalAgents } from "../serving/local-agents.ts";
import { forgetDevices } from "../serving/model-host.ts";
import { readNamedModels, refuseForSeveral } from "../serving/named-models.ts";
import { placeModels } from "../serving/place-models.ts";
import { loadSources, type ServedSource } from "../serving/served-source.ts";
import { servingOptions } from "../serving/serving-options.ts";
import { prepareServing, type Serving } from "../serving/start-serving.ts";

const { profile, fullSpeed } = deployOptions;

const usualHttp = "127.0.0.1:8000";
const usualGrpc = "127.0.0.1:8001";
const usualDrainSeconds = 30;

const options = {
  http: text("--http <host:port>", `where clients ask over HTTP (default ${usualHttp})`),
  grpc: text("--grpc <host:port>", `where clients ask over gRPC (default ${usualGrpc})`),
  metrics: text("--metrics <host:port>", "where /metrics is, too (it always is a part of --http)"),
  local: flag("--local", "start the agents on this machine, which imitates the topology"),
  listen: text(
    "--listen <host:port>",
    "where agents dial, for instance 0.0.0.0:7000 (default with --local: a free port)",
  ),
  drain: quantity(
    "--drain <30 s>",
    "how long what was asked may take to be answered when it is told to end",
    "s",
  ),
  ...coordinatingOptions,
  profile,
  ...servingOptions,
  fullSpeed,
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
    "partita serve home.topology.yaml model.onnx --listen 10.0.0.1:7000 --nats nats://10.0.0.9",
  ],
  run: async (call) => {
    const { options, terminal, signal } = call;
    const [topologyFile = "", ...words] = call.arguments;
    const choices = await readChoices(topologyFile, call);
    const names = readNamedModels(words, options);
    refuseForSeveral(names, options);
    await using log = await openLog(options.log, "serve", terminal);
    await using ground = await openGround({ ...choices, forget: [], terminal });
    if (options.nats === undefined) await forgetDevices(ground.folder, options.forget);
    const topology = await loadTopology(topologyFile, terminal);
    checkDeviceHere(options.as, topology);
    const common = { ...options, maxBatch: undefined, maxWait: undefined };
    const sources = await loadSources(names, topology, { options: common, terminal, signal });
    const places = await placeModels(sources, topology, common, terminal, signal);
    if (!terminal.json) printPlaces(places, terminal);
    signal.throwIfAborted();
    const serving = prepareServing(ground, {
      sources,
      topology,
      emulate: options.local && !options.fullSpeed,
      mixed: options.mixed,
      adapt: !options.noAdapt,
      heartbeatSeconds: options.heartbeat ?? 0.5,
      missedHeartbeats: options.missed ?? 10,
      signal,
      onEvent: (model, event) => report(model, event, log, call),
    });
    const { http = usualHttp, grpc = usualGrpc, metrics } = options;
    await using doors = await openDoors({ http, grpc, metrics }, serving, terminal);
    const work: Work = { ground, serving, doors, topology, sources, places };
    await (options.nats === undefined
      ? serveAlone(work, call)
      : serveOnNats(options.nats, work, call));
    return 0;
  },
});

/** What is there when models can be loaded. */
interface Work {
  readonly ground: Ground;
  readonly serving: Serving;
  readonly doors: Doors;
  readonly topology: Topology;
  readonly sources: readonly ServedSource[];
  readonly places: ReadonlyMap<string, Place>;
}

async function serveAlone(work: Work, call: Call<Choices>): Promise<void> {
  const { ground, serving, doors, topology, sources, places } = work;
  const { options, terminal, signal } = call;
  await using begun = await serving.begin({ places, onFailed: complaining(call) });
  const { address } = begun;
  await using _agents = gatherAgents(ground, address, topology, call);
  const place = { address, token: ground.security.token };
  printDoors(doors, namesOf(sources), place, terminal);
  const missing = topology.devices.filter(
    ({ name, relay }) => !options.local && name !== options.as && relay === undefined,
  );
  printInvitation(place, missing, terminal);
  await untilAborted(signal);
  await doors.drain(drainingLimit(options));
  await begun.close();
  await begun.loaded;
}

async function serveOnNats(url: string, work: Work, call: Call<Choices>): Promise<void> {
  const { ground, serving, doors, topology, sources, places } = work;
  const { options, terminal, signal } = call;
  const source = sources[0] as ServedSource;
  const plan = demandPlace(source.name, places);
  const { token } = ground.security;
  await using nats = await openNats(url, terminal);
  const teller = tellTurns({ place: nats.place, topology, token }, terminal);
  printDoors(doors, namesOf(sources), { address: ground.listen, token }, terminal);
  const { serveInTurn } = await import("../serving/serve-in-turn.ts");
  await serveInTurn(ground, serving, {
    ...teller,
    nats,
    source,
    plan,
    forget: options.forget,
    drain: () => doors.drain(drainingLimit(options)),
    signal,
    onLeading: (address, term) =>
      teller.onLeading(dialableAddresses(address), term, { address, token, model: source.name }),
    onFailed: complaining(call),
  });
  // It may have answered for another one that leads now.
  await doors.drain(drainingLimit(options));
}

function drainingLimit({ drain = usualDrainSeconds }: Choices): Seconds {
  return seconds(drain);
}

function namesOf(sources: readonly ServedSource[]): string[] {
  return sources.map(({ name }) => name);
}

/** @throws PLAN_INFEASIBLE: nobody is to lead with nothing */
function demandPlace(name: string, places: ReadonlyMap<string, Place>): Plan {
  const place = places.get(name);
  if (place !== undefined && !("infeasible" in place)) return place;
  const message = `no place was found for model '${name}': ${place?.infeasible ?? "it is not there"}; add a device, or state a lower --rate`;
  throw new CodedError("PLAN_INFEASIBLE", message, { model: name });
}

function complaining({ terminal }: Call<Choices>): (model: string, error: unknown) => void {
  return (model, error) => terminal.note(`model '${model}' is not served: ${messageOf(error)}`);
}

async function readChoices(topologyFile: string, { options, terminal }: Call<Choices>) {
  const { local } = options;
  if (local && options.nats !== undefined) {
    throw usage(
      "--local starts agents that end with this server; with --nats start `partita agent --nats` on each machine",
    );
  }
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
  return { listen, ...(await readGroundChoices(options, topologyFile, terminal)) };
}

/** Those that are to run here. */
function gatherAgents(
  ground: Ground,
  address: string,
  topology: Topology,
  { options, terminal }: Call<Choices>,
): AsyncDisposable {
  accompany(ground, address, options);
  if (!options.local) return { [Symbol.asyncDispose]: async () => undefined };
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

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
