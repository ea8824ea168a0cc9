import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { systemClock } from "../../base/clock.node.ts";
import { isCoded } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import { AgentGroup, type AgentGroupOptions } from "../../cluster/agent-group.ts";
import type { AgentEvent } from "../../cluster/agent-options.ts";
import type { ModelKey } from "../../cluster/shared-listener.ts";
import { parseToken } from "../../cluster/token.ts";
import { leaderAddress } from "../../nats/leader-transport.ts";
import { createOnnxRuntime } from "../../runtime/onnxruntime.node.ts";
import { tcpTransport } from "../../transport/tcp.node.ts";
import { parseAddress } from "../../transport/tcp-listener.node.ts";
import type { Transport } from "../../transport/transport.ts";
import { addressesIn, dialableAddresses } from "../addresses.ts";
import { offerMachine, offerProcess } from "../agent-host.ts";
import { withAnyAddress } from "../any-address.ts";
import {
  type Call,
  type Command,
  defineCommand,
  flag,
  needed,
  quantity,
  text,
  texts,
  usage,
} from "../command.ts";
import { findCoordinator, type Search } from "../discovery.ts";
import { answerProbes, probeLimits, refuseClusterToken } from "../link-probe.ts";
import { type Log, logOption, openLog } from "../log.ts";
import { multicastInterfaces } from "../multicast.ts";
import { type NatsCluster, natsOption, openNats, transportToLeader } from "../nats-option.ts";
import { withRediscovery } from "../rediscovery.ts";
import { isLoopback, secureAgent } from "../security.ts";
import type { Terminal } from "../terminal.ts";
import { demandToken, readLifeline, readToken, tokenOption } from "../token-option.ts";

const options = {
  join: text("--join <host:port>", "address of the coordinator; several, separated by commas"),
  nats: natsOption("join whoever leads the cluster on NATS instead"),
  discover: flag("--discover", "look for the coordinator on the local network instead"),
  token: tokenOption("as the coordinator printed it"),
  name: text("--name <device>", "which device of the topology this is (default: the host's name)"),
  listen: text(
    "--listen <host:port>",
    "where the other devices dial (default: a free port; of every network, or of the loopback if the coordinator is on it)",
  ),
  advertise: texts(
    "--advertise <host:port>",
    "where they reach it in front of a router that forwards a port; repeatable",
  ),
  memory: quantity(
    "--memory <512 MiB>",
    "refuse parts that need more (default: what this process may use)",
    "B",
  ),
  cacheLimit: quantity(
    "--cache-limit <10 GiB>",
    "what weights that are kept may take on disk (default 10 GiB, or a fifth of what is free)",
    "B",
  ),
  state: text("--state <folder>", "where its keys are kept (default: the user's state folder)"),
  log: logOption,
  local: flag("--local", "keep no weights on disk and measure no speed: the coordinator is here"),
  lifeline: flag("--lifeline", "end when standard input ends, whose first line is the token"),
  quiet: flag("--quiet", "say nothing unless something fails"),
};

type Choices = { readonly [K in keyof typeof options]: ReturnType<(typeof options)[K]["read"]> };

/** Between two attempts to join a coordinator that is not there yet. */
const retrySeconds = seconds(1);

/** `partita agent --join HOST:PORT --token T --name NAME`. */
export const agent: Command = defineCommand({
  summary: "be a device: join a coordinator, get parts, run them until it ends",
  options,
  examples: [
    "partita agent --join 192.168.1.10:7000 --token T --name camera",
    "PARTITA_TOKEN=T partita agent --discover",
    "partita agent --nats nats://10.0.0.9 --token T --name camera",
    "partita agent --listen 10.0.0.2:7001 --token T   (only measures links, for partita topology)",
  ],
  run: async (call) => {
    const { options, terminal } = call;
    if (options.nats !== undefined && (options.join !== undefined || options.discover)) {
      throw usage("--nats says where the coordinator is; leave --join and --discover out");
    }
    const isAlone = options.join === undefined && options.nats === undefined && !options.discover;
    if (isAlone && options.listen !== undefined) {
      return await waitForProbes(options.listen, call);
    }
    const lifeline = options.lifeline ? await readLifeline(terminal) : null;
    const given = lifeline?.token ?? (await demandToken(options.token, terminal));
    const signal = lifeline === null ? call.signal : AbortSignal.any([call.signal, lifeline.cut]);
    const name = options.name ?? hostname().split(".")[0] ?? "";
    await using log = await openLog(options.log, `agent ${name}`, terminal);
    await using nats = options.nats === undefined ? null : await openNats(options.nats, terminal);
    const joined = await joinWhenThere(
      {
        ...(await describeItself(name, given, nats, call)),
        onEvent: (event, model) => report(event, model, name, log, call),
        ...(log === null
          ? {}
          : { onTrace: (trace, model) => log.write("debug", ofModel(model, trace)) }),
      },
      signal,
      terminal,
    );
    if (joined === null) return 0;
    if (nats !== null) await sayWhere(joined, nats);
    const close = (): void => void joined.close();
    signal.addEventListener("abort", close, { once: true });
    // It may have been interrupted before there was anything to close.
    if (signal.aborted) close();
    const error = await joined.ended;
    if (error !== null) throw error;
    return 0;
  },
});

async function describeItself(
  name: string,
  token: string,
  nats: NatsCluster | null,
  { options, terminal }: Call<Choices>,
): Promise<AgentGroupOptions> {
  for (const address of options.advertise) parseAddress(address);
  const stateFolder = options.state ?? terminal.stateFolder;
  const { transport, secret, keys } = await secureAgent(token, name, stateFolder);
  const coordinator = nats === null ? await whomToJoin(options, token, terminal) : leaderAddress;
  const choices = { memoryBytes: options.memory, cacheBytes: options.cacheLimit };
  const isHere = nats?.isHere ?? isLoopback(addressesIn(coordinator)[0] ?? "");
  return {
    ...(options.local ? offerProcess(choices) : await offerMachine(choices, terminal)),
    name,
    incarnation: randomUUID(),
    coordinator,
    token: secret,
    ...(nats === null
      ? { transport: reachOf(transport, options, coordinator, token) }
      : {
          transport: transportToLeader(nats, transport),
          depot: (await import("../../nats/parts-depot.ts")).partsDepot(nats.engine.parts),
        }),
    keys,
    runtime: createOnnxRuntime(),
    clock: systemClock,
    listen: options.listen ?? (isHere ? "127.0.0.1:0" : "0.0.0.0:0"),
    addresses: (listening) => [...options.advertise, ...dialableAddresses(listening)],
    processorSeconds,
  };
}

function reachOf(
  transport: Transport,
  { join }: Choices,
  coordinator: string,
  token: string,
): Transport {
  const reach = withAnyAddress(transport, systemClock);
  return join === undefined ? askingAgain(reach, coordinator, token) : reach;
}

/** Whoever looks at the cluster on NATS sees this device. */
async function sayWhere(
  { name, addresses, ended }: AgentGroup,
  { engine, signal }: NatsCluster,
): Promise<void> {
  const { sayPresent } = await import("../../nats/membership.ts");
  const id = randomUUID();
  const over = new AbortController();
  void ended.then(() => over.abort());
  const member = () => ({ id, role: "agent", name, addresses }) as const;
  void sayPresent(engine, member, AbortSignal.any([signal, over.signal]));
}

async function whomToJoin(
  { join, discover }: Choices,
  token: string,
  terminal: Terminal,
): Promise<string> {
  if (join !== undefined || !discover) {
    return needed(join, "--join HOST:PORT (or --nats, --discover)", "whom to join");
  }
  return await findCoordinator(searchFor(token, (text) => terminal.note(text)));
}

function searchFor(token: string, note: (text: string) => void): Search {
  const { fingerprint } = parseToken(token);
  return { interfaces: multicastInterfaces(), fingerprint, clock: systemClock, note };
}

/** For an agent that has not been told where its coordinator is: it may move. */
function askingAgain(transport: Transport, known: string, token: string): Transport {
  return withRediscovery(transport, known, () =>
    findCoordinator(searchFor(token, () => undefined)),
  );
}

/** Machines start in any order. `null`: it was interrupted before. */
async function joinWhenThere(
  options: AgentGroupOptions,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<AgentGroup | null> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await AgentGroup.join(options);
    } catch (error) {
      if (!isCoded(error) || error.code !== "CHANNEL_CLOSED") throw error;
      if (attempt === 1) {
        const { name, coordinator } = options;
        terminal.note(`${name}: waits for a coordinator at ${coordinator} (${error.message})`);
      }
    }
    await systemClock.sleep(retrySeconds, signal).catch(() => undefined);
  }
  return null;
}

function report(
  event: AgentEvent,
  model: ModelKey,
  name: string,
  log: Log | null,
  { options, terminal }: Call<Choices>,
): void {
  const isBad = event.type === "failed" || event.type === "lost" || event.type === "parted";
  log?.write(isBad ? "warning" : "info", ofModel(model, event));
  const who = model === null ? name : `${name}, ${model}`;
  if (!options.quiet) terminal.note(describe(who, event));
}

function ofModel<T extends object>(model: ModelKey, entry: T): T {
  return model === null ? entry : { model, ...entry };
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** An agent that belongs to no cluster yet: it only helps to measure links. */
async function waitForProbes(
  address: string,
  { options, terminal, signal }: Call<Choices>,
): Promise<number> {
  const given = await readToken(options.token, terminal);
  const token = needed(given, "--token TOKEN", "what whoever measures must show");
  refuseClusterToken(token);
  await using listener = await tcpTransport.listen(address, probeLimits);
  terminal.note(`waits at ${listener.address} for \`partita topology measure\`; Ctrl-C ends it`);
  signal.addEventListener("abort", () => void listener.close(), { once: true });
  await answerProbes(listener, { transport: tcpTransport, clock: systemClock, token, seconds: 1 });
  return 0;
}

function describe(name: string, event: AgentEvent): string {
  switch (event.type) {
    case "joined":
      return `${name}: joined ${event.coordinator}`;
    case "parted":
      return `${name}: its coordinator is away; it goes on, and dials again (${event.error.message})`;
    case "receiving":
      return `${name}: receives parts ${event.parts.join(", ")}`;
    case "loaded":
      return `${name}: loaded ${event.parts.join(", ") || "nothing, it only relays"}`;
    case "deployed":
      return `${name}: generation ${event.generation} is ready${event.emulated ? " (emulated)" : ""}`;
    case "failed":
      return `${name}: cannot run generation ${event.generation ?? "at all"} (${event.error.message})`;
    case "serving":
      return `${name}: generation ${event.generation} serves${event.alone ? ", alone" : ""}`;
    case "lost":
      return `${name}: lost ${event.device} (${event.error.message})`;
    case "reached":
      return `${name}: reached ${event.device} again`;
    case "ended":
      return `${name}: ended${event.error === null ? "" : ` (${event.error.message})`}`;
    default:
      return event satisfies never;
  }
}
