import type { ClusterEvent } from "../../cluster/status.ts";
import { parseToken } from "../../cluster/token.ts";
import { dialableAddresses, remoteAddresses } from "../addresses.ts";
import { type Call, type Command, defineCommand, needed, text, usage } from "../command.ts";
import {
  accompany,
  checkDeviceHere,
  coordinatingOptions,
  readGroundChoices,
} from "../coordinating.ts";
import { type Deployable, deployOptions, prepareDeployment } from "../deploy.ts";
import { findGathered, type GatheredTopology, gatherTopology, readDevices } from "../gathered.ts";
import { type Log, openLog } from "../log.ts";
import type { LeadOptions } from "../nats-coordinator.ts";
import { type NatsCluster, openNats } from "../nats-option.ts";
import { describeEvent } from "../print/cluster-status.ts";
import { printDeployment } from "../print/deployment.ts";
import { tellTurns } from "../print/turns.ts";
import { isInEnvironment, withToken } from "../print/with-token.ts";
import { type Ground, openGround, type Service, startService } from "../service.ts";
import type { Terminal } from "../terminal.ts";

const { fullSpeed: _, ...planning } = deployOptions;

const options = {
  listen: text("--listen <host:port>", "where agents and clients dial, for instance 0.0.0.0:7000"),
  devices: text(
    "--devices <a,b,c>",
    "no topology: wait for these, measure their links (a: source)",
  ),
  http: text("--http <host:port>", "serve status and events over HTTP (default: not)"),
  ...coordinatingOptions,
  ...planning,
};

type Choices = { readonly [K in keyof typeof options]: ReturnType<(typeof options)[K]["read"]> };

/** `partita coordinator TOPOLOGY MODEL --listen HOST:PORT`. */
export const coordinator: Command = defineCommand({
  summary: "run a model split over machines: plan, hand out parts, go on when some are lost",
  arguments: [
    {
      syntax: "<topology|model...>",
      summary: "TOPOLOGY MODEL: YAML or JSON, .onnx or zoo:NAME; with --devices only MODEL",
    },
  ],
  options,
  examples: [
    "partita coordinator home.topology.yaml model.onnx --listen 0.0.0.0:7000",
    "partita coordinator model.onnx --devices camera,gateway,cloud --listen 0.0.0.0:7000",
    "partita coordinator home.topology.yaml zoo:mobilenetv2 --listen 0.0.0.0:7000 --as gateway",
    "partita coordinator home.topology.yaml model.onnx --listen 10.0.0.1:7000 --http 127.0.0.1:7080",
    "partita coordinator home.topology.yaml model.onnx --listen 10.0.0.1:7000 --nats nats://10.0.0.9",
  ],
  run: async (call) => {
    const { options, terminal, signal } = call;
    await using log = await openLog(options.log, "coordinator", terminal);
    const { devices, topology, model, ...choices } = await readChoices(call);
    await using ground = await openGround({ ...choices, terminal });
    const earlier = devices === null ? null : await findGathered(ground.folder, devices);
    const isGathering = devices !== null && earlier === null;
    if (isGathering) summon(ground, devices, call);
    const found = isGathering ? await gatherTopology(ground, devices, signal) : earlier;
    if (found !== null) terminal.note(describeFound(found));
    const deployable = await prepareDeployment(found?.path ?? topology, model, {
      ...call,
      options: { ...options, fullSpeed: true },
    });
    checkDeviceHere(options.as, deployable.topology);
    if (!terminal.json) printDeployment(deployable, false, terminal);
    signal.throwIfAborted();
    const serviceOptions = {
      deployable,
      http: options.http,
      mixed: options.mixed,
      adapt: !options.noAdapt,
      heartbeatSeconds: options.heartbeat,
      missedHeartbeats: options.missed,
      onEvent: (event: ClusterEvent) => report(event, log, terminal),
    };
    if (options.nats !== undefined) {
      await using nats = await openNats(options.nats, terminal);
      const { leadInTurn } = await import("../nats-coordinator.ts");
      await leadInTurn(ground, { ...serviceOptions, ...turns(ground, nats, deployable, call) });
      return 0;
    }
    const service = await startService(ground, serviceOptions);
    const { coordinator } = service;
    if (!isGathering) accompany(ground, coordinator.address, options);
    signal.addEventListener("abort", () => void coordinator.close(), { once: true });
    if (signal.aborted) await coordinator.close();
    announce(ground, service, deployable, isGathering, call);
    const error = await coordinator.ended;
    if (error !== null && !signal.aborted) throw error;
    return 0;
  },
});

async function readChoices(call: Call<Choices>) {
  const { options, terminal } = call;
  const listen = needed(
    options.listen,
    "--listen HOST:PORT",
    "where agents and clients dial; 0.0.0.0:7000 for all networks of this machine, 127.0.0.1:7000 for this machine alone",
  );
  if (options.nats !== undefined && options.devices !== undefined) {
    throw usage("--devices measures links for one coordinator; with --nats name a TOPOLOGY");
  }
  const devices = options.devices === undefined ? null : readDevices(options.devices);
  const [topology, model] = devices === null ? call.arguments : ["", ...call.arguments];
  if (topology === undefined || model === undefined || call.arguments.length > 2) {
    throw usage("name TOPOLOGY MODEL, or MODEL and --devices a,b,c");
  }
  return {
    devices,
    topology,
    model,
    listen,
    ...(await readGroundChoices(options, devices?.join("-") ?? topology, terminal)),
    forget: options.nats === undefined ? options.forget : [],
  };
}

/** Before there is a topology: who is to come, and where. */
function summon(ground: Ground, devices: readonly string[], { options, terminal }: Call<Choices>) {
  const { as } = options;
  if (as !== undefined && !devices.includes(as)) {
    throw usage(`--as ${as} is none of --devices ${devices.join(",")}`);
  }
  const { token } = ground.security;
  const addresses = dialableAddresses(ground.listen);
  if (terminal.json) {
    const address = ground.listen;
    terminal.line(JSON.stringify({ type: "gathering", address, addresses, token, devices }));
  } else {
    const missing = devices.filter((device) => device !== as);
    invite(
      ground.listen,
      token,
      missing.map((device) => [device, ""]),
      terminal,
    );
    terminal.line("The links between them are measured when all are here.");
  }
  accompany(ground, ground.listen, options);
}

function describeFound({ path, isNew }: GatheredTopology): string {
  return isNew
    ? `What was measured is written to ${path}; it is used again until that file is removed.`
    : `Uses the links that were measured before, in ${path}; remove it to measure again.`;
}

function report(event: ClusterEvent, log: Log | null, terminal: Terminal): void {
  log?.write(isBad(event) ? "warning" : "info", event);
  // One line each, so that whoever reads them knows when one is complete.
  terminal.line(terminal.json ? JSON.stringify(event) : `  ${describeEvent(event)}`);
}

const badEvents: ReadonlySet<ClusterEvent["type"]> = new Set([
  "left",
  "linkDown",
  "noPlan",
  "suspended",
  "unsaved",
]);

function isBad({ type }: ClusterEvent): boolean {
  return badEvents.has(type);
}

/** That it can be dialled, by whom, and how to ask. */
function announce(
  { security: { token } }: Ground,
  { coordinator, url }: Service,
  { named, plan, topology }: Deployable,
  isInvited: boolean,
  { options: { as }, terminal }: Call<Choices>,
): void {
  const { address } = coordinator;
  if (terminal.json) {
    const addresses = dialableAddresses(address);
    const heard = { type: "listening", address, addresses, token, url, model: named.name, plan };
    terminal.line(JSON.stringify(heard));
    return;
  }
  if (!isInvited) {
    const missing = topology.devices
      .filter(({ name, relay }) => name !== as && relay === undefined)
      .map(({ name }): [string, string] => [
        name,
        coordinator.devices.includes(name) ? "" : "   (the plan does not use it yet)",
      ]);
    invite(address, token, missing, terminal);
  }
  const [first = address] = remoteAddresses(address);
  terminal.line("To ask, and to look on:");
  terminal.line(`  ${withToken(`run INPUT… --to ${first}`, token, terminal)}`);
  terminal.line(`  ${withToken(`status --to ${first}`, token, terminal)}`);
  if (url !== null) {
    const isKept = isInEnvironment(token, terminal.token);
    const shown = isKept ? `\${PARTITA_TOKEN%%.*}` : parseToken(token).secret;
    terminal.line(`  curl -H "Authorization: Bearer ${shown}" ${url}/v1/status`);
  }
  terminal.line("Ctrl-C ends it everywhere.");
}

/** What is said when this coordinator leads, and when another one does. */
function turns(
  { security: { token } }: Ground,
  nats: NatsCluster,
  { named, plan, topology }: Deployable,
  { options, terminal, signal }: Call<Choices>,
): Pick<LeadOptions, "nats" | "forget" | "onStandby" | "onLeading" | "onDeposed" | "signal"> {
  const teller = tellTurns({ place: nats.place, topology, token }, terminal);
  return {
    ...teller,
    nats,
    forget: options.forget,
    signal,
    onLeading: ({ coordinator: { address }, url }, term) => {
      const told = { address, token, url, model: named.name, plan };
      teller.onLeading(dialableAddresses(address), term, told);
    },
  };
}

/** What to start on the other machines. */
function invite(
  address: string,
  token: string,
  missing: readonly (readonly [device: string, remark: string])[],
  terminal: Terminal,
): void {
  const { bold } = terminal.colours;
  terminal.line(`${bold("listening")} at ${dialableAddresses(address).join(", ")}`);
  const where = remoteAddresses(address).join(",");
  if (missing.length > 0) {
    terminal.line("Start on each machine (an agent that runs already comes back by itself):");
  }
  for (const [name, remark] of missing) {
    terminal.line(
      `  ${withToken(`agent --join ${where} --name ${name}`, token, terminal)}${remark}`,
    );
  }
}
