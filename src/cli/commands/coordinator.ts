import type { ClusterEvent } from "../../cluster/status.ts";
import { parseToken } from "../../cluster/token.ts";
import { dialableAddresses, remoteAddresses } from "../addresses.ts";
import {
  argumentAt,
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
import {
  type Deployable,
  type DeployChoices,
  deployOptions,
  prepareDeployment,
} from "../deploy.ts";
import { type Log, logOption, openLog } from "../log.ts";
import { modelArgument } from "../model-argument.ts";
import { describeEvent } from "../print/cluster-status.ts";
import { printDeployment } from "../print/deployment.ts";
import { defaultStateFolder, type Service, startService } from "../service.ts";
import type { Terminal } from "../terminal.ts";
import { readToken, tokenOption } from "../token-option.ts";

const { fullSpeed: _, ...planning } = deployOptions;

const noTls: Option<boolean> = {
  flags: "--no-tls",
  summary: "no TLS, with a warning off the loopback",
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
  listen: text("--listen <host:port>", "where agents and clients dial, for instance 0.0.0.0:7000"),
  as: text("--as <device>", "this machine is that device, too"),
  http: text("--http <host:port>", "serve status and events over HTTP (default: not)"),
  tls: flag("--tls", "TLS on the loopback, too (elsewhere it is on)"),
  noTls,
  token: tokenOption("what agents and clients must show (default: one that is made and kept)"),
  state: text("--state <folder>", "keys, token and journal (default: by the topology's name)"),
  forget: texts("--forget <device>", "let another machine have this device's name; repeatable"),
  discover: flag("--discover", "answer agents that look for a coordinator on the local network"),
  mixed: flag("--mixed", "let in agents with another ONNX Runtime: answers may differ in bits"),
  noAdapt,
  heartbeat: quantity("--heartbeat <0.5 s>", "how often agents must be heard", "s"),
  missed: whole("--missed <n>", "a device is lost that misses more heartbeats (default 10)", 1),
  log: logOption,
  ...planning,
};

type Choices = { readonly [K in keyof typeof options]: ReturnType<(typeof options)[K]["read"]> };

/** `partita coordinator TOPOLOGY MODEL --listen HOST:PORT`. */
export const coordinator: Command = defineCommand({
  summary: "run a model split over machines: plan, hand out parts, go on when some are lost",
  arguments: [
    { syntax: "<topology>", summary: "devices and links, as YAML or JSON" },
    modelArgument,
  ],
  options,
  examples: [
    "partita coordinator home.topology.yaml model.onnx --listen 0.0.0.0:7000",
    "partita coordinator home.topology.yaml zoo:mobilenetv2 --listen 0.0.0.0:7000 --as gateway",
    "partita coordinator home.topology.yaml model.onnx --listen 10.0.0.1:7000 --http 127.0.0.1:7080",
  ],
  run: async (call) => {
    const { terminal, signal } = call;
    await using log = await openLog(call.options.log, "coordinator", terminal);
    const { deployable, ...choices } = await readChoices(call);
    if (!terminal.json) printDeployment(deployable, false, terminal);
    signal.throwIfAborted();
    await using service = await startService({
      ...choices,
      deployable,
      terminal,
      onEvent: (event) => report(event, log, terminal),
    });
    const { coordinator } = service;
    signal.addEventListener("abort", () => void coordinator.close(), { once: true });
    if (signal.aborted) await coordinator.close();
    invite(service, deployable, call);
    const error = await coordinator.ended;
    if (error !== null && !signal.aborted) throw error;
    return 0;
  },
});

async function readChoices(call: Call<Choices>) {
  const { options, terminal } = call;
  const { heartbeat, tls, noTls: withoutTls } = options;
  const listen = needed(
    options.listen,
    "--listen HOST:PORT",
    "where agents and clients dial; 0.0.0.0:7000 for all networks of this machine, 127.0.0.1:7000 for this machine alone",
  );
  if (tls && withoutTls) throw usage("--tls and --no-tls: give one of them");
  if (heartbeat === 0) throw usage("--heartbeat wants more than 0 s");
  const topologyFile = argumentAt(call, 0);
  const planning: DeployChoices = { ...options, fullSpeed: true };
  const deployable = await prepareDeployment(topologyFile, argumentAt(call, 1), {
    ...call,
    options: planning,
  });
  const { devices } = deployable.topology;
  const { as } = options;
  if (as !== undefined && !devices.some(({ name }) => name === as)) {
    const names = devices.map(({ name }) => name).join(", ");
    throw usage(`--as ${as}: the topology has no such device (devices: ${names})`);
  }
  return {
    deployable,
    listen,
    tls: withoutTls ? false : tls || undefined,
    token: await readToken(options.token, terminal),
    folder: options.state ?? defaultStateFolder(topologyFile, terminal),
    forget: options.forget,
    http: options.http,
    discover: options.discover,
    as,
    mixed: options.mixed,
    adapt: !options.noAdapt,
    heartbeatSeconds: heartbeat,
    missedHeartbeats: options.missed,
  };
}

function report(event: ClusterEvent, log: Log | null, terminal: Terminal): void {
  log?.write(isBad(event) ? "warning" : "info", event);
  // One line each, so that whoever reads them knows when one is complete.
  terminal.line(terminal.json ? JSON.stringify(event) : `  ${describeEvent(event)}`);
}

function isBad({ type }: ClusterEvent): boolean {
  return type === "left" || type === "linkDown" || type === "suspended" || type === "noPlan";
}

/** What to start on the other machines, and how to ask. */
function invite(
  { coordinator, token, url }: Service,
  { named, plan, topology }: Deployable,
  { options: { as }, terminal }: Call<Choices>,
): void {
  const addresses = dialableAddresses(coordinator.address);
  if (terminal.json) {
    const { address } = coordinator;
    terminal.line(
      JSON.stringify({
        type: "listening",
        address,
        addresses,
        token,
        url,
        model: named.name,
        plan,
      }),
    );
    return;
  }
  const { bold } = terminal.colours;
  terminal.line(`${bold("listening")} at ${addresses.join(", ")}`);
  const where = remoteAddresses(coordinator.address).join(",");
  const missing = topology.devices.filter(({ name, relay }) => name !== as && relay === undefined);
  if (missing.length > 0) terminal.line("Start on each machine:");
  for (const { name } of missing) {
    const spare = coordinator.devices.includes(name) ? "" : "   (the plan does not use it yet)";
    terminal.line(`  partita agent --join ${where} --name ${name} --token ${token}${spare}`);
  }
  const [first = coordinator.address] = where.split(",");
  terminal.line("To ask, and to look on:");
  terminal.line(`  partita run --to ${first} --token ${token} INPUT…`);
  terminal.line(`  partita status --to ${first} --token ${token}`);
  if (url !== null)
    terminal.line(`  curl -H "Authorization: Bearer ${parseToken(token).secret}" ${url}/v1/status`);
  terminal.line("Ctrl-C ends it everywhere.");
}
