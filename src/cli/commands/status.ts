import { systemClock } from "../../base/clock.node.ts";
import { CodedError } from "../../base/errors.ts";
import type { EventMessage, StatusMessage } from "../../cluster/message.ts";
import { type FollowOptions, followModels } from "../../cluster/roster-client.ts";
import type { ModelKey } from "../../cluster/shared-listener.ts";
import type { ClusterEvent, ClusterStatus } from "../../cluster/status.ts";
import { watchCluster } from "../../cluster/watch-client.ts";
import { parseLeaderRecord } from "../../nats/leader-record.ts";
import { leaderAddress } from "../../nats/leader-transport.ts";
import { type Command, defineCommand, flag, needed, text, usage } from "../command.ts";
import { type NatsCluster, natsOption, openNats, transportToLeader } from "../nats-option.ts";
import { describeEvent, formatStatus } from "../print/cluster-status.ts";
import { secureClient } from "../security.ts";
import type { Terminal } from "../terminal.ts";
import { demandToken, tokenOption } from "../token-option.ts";

/** So many events stand below the tables. */
const shownEvents = 8;
/** Clears the screen and goes to its top. */
const home = "\u001b[2J\u001b[H";

/** `partita status --to HOST:PORT --token T`. */
export const status: Command = defineCommand({
  summary: "show devices, plan, links, requests and faults of a cluster that is up",
  options: {
    to: text("--to <host:port>", "address of the coordinator"),
    nats: natsOption("ask whoever leads the cluster on NATS instead"),
    token: tokenOption("as the coordinator printed it"),
    model: text("--model <name>", "one of several models that are served there (default: all)"),
    once: flag("--once", "print it once; else it is shown until Ctrl-C on a terminal"),
    follow: flag("--follow", "print a line for each thing that happens, until Ctrl-C"),
  },
  examples: [
    "partita status --to 192.168.1.10:7000 --token T",
    "partita status --to 127.0.0.1:7000 --token T --once --json",
    "partita status --to 127.0.0.1:7000 --token T --follow --json",
    "partita status --nats nats://10.0.0.9 --token T",
  ],
  run: async ({ options, terminal, signal }) => {
    const { to, nats: url } = options;
    if (to !== undefined && url !== undefined) throw usage("--to and --nats: give one of them");
    const { transport, secret } = secureClient(await demandToken(options.token, terminal));
    await using nats = url === undefined ? null : await openNats(url, terminal);
    const address =
      nats === null
        ? needed(to, "--to HOST:PORT (or --nats)", "address of the coordinator")
        : leaderAddress;
    if (nats !== null && !terminal.json) await showMembers(nats, terminal);
    const dialling = {
      transport: nats === null ? transport : transportToLeader(nats, transport),
      clock: systemClock,
      address,
      token: secret,
    };
    const models = options.model === undefined ? await modelsAt(dialling, signal) : [options.model];
    if (models.length === 0) {
      throw new CodedError("MODEL_NOT_READY", `no model runs at ${address} yet; ask again later`);
    }
    const over = new AbortController();
    const looking = AbortSignal.any([signal, over.signal]);
    const watches = models.map((model) =>
      watchCluster({ ...dialling, signal: looking, ...(model === null ? {} : { model }) }),
    );
    const isLive = !options.once && !options.follow && terminal.watched;
    const show = options.follow ? follower(address, terminal) : isLive ? painter(terminal) : null;
    try {
      if (show === null) print(await firstStatuses(watches), terminal);
      else await Promise.all(watches.map((watch, place) => tell(watch, place, models, show)));
    } finally {
      over.abort();
    }
    return 0;
  },
});

/** Who is there, whether it leads, stands by, or is an agent. */
async function showMembers({ engine }: NatsCluster, terminal: Terminal): Promise<void> {
  const { presentMembers } = await import("../../nats/membership.ts");
  const { text } = await engine.leader.read();
  const leading = parseLeaderRecord(text)?.leader?.id;
  for (const { id, role, name, addresses } of await presentMembers(engine)) {
    const how = role === "agent" ? "agent" : id === leading ? "leads" : "stands by";
    terminal.note(`${name}: ${how}, ${addresses.join(", ")}`);
  }
}

type Dialling = Omit<FollowOptions, "signal">;
type Watch = ReturnType<typeof watchCluster>;
/** @param model `null`: there is one only */
type Show = (place: number, model: ModelKey, message: StatusMessage | EventMessage) => void;

/** All that run there; `null` for the only one of a coordinator. */
async function modelsAt(dialling: Dialling, signal: AbortSignal): Promise<readonly ModelKey[]> {
  const following = followModels({ ...dialling, signal });
  try {
    return (await following.next()).value ?? [];
  } finally {
    await following.return(undefined);
  }
}

async function firstStatuses(watches: readonly Watch[]): Promise<ClusterStatus[]> {
  const first = await Promise.all(watches.map((watch) => watch.next()));
  return first.flatMap(({ value }) => (value?.type === "status" ? [value.body.status] : []));
}

async function tell(
  watch: Watch,
  place: number,
  models: readonly ModelKey[],
  show: Show,
): Promise<void> {
  const model = models.length === 1 ? null : (models[place] ?? null);
  for await (const message of watch) show(place, model, message);
}

function print(current: readonly ClusterStatus[], terminal: Terminal): void {
  const [only] = current;
  if (terminal.json) terminal.document(current.length === 1 ? only : { models: current });
  else terminal.line(current.map((status) => formatStatus(status, terminal)).join("\n\n"));
}

/** One line for each event, so that whoever reads them knows when one is complete. */
function follower(address: string, terminal: Terminal): Show {
  const met = new Set<number>();
  return (place, model, message) => {
    if (message.type === "event") {
      const { event } = message.body;
      const entry = model === null ? event : { model, ...event };
      terminal.line(terminal.json ? JSON.stringify(entry) : written(model, event));
    } else if (!met.has(place)) {
      met.add(place);
      terminal.note(`follows ${message.body.status.model} at ${address}; Ctrl-C ends it`);
    }
  };
}

/** Draws everything anew each time that a cluster says how it stands. */
function painter(terminal: Terminal): Show {
  const { bold } = terminal.colours;
  const statuses: ClusterStatus[] = [];
  const lines: string[] = [];
  return (place, model, message) => {
    if (message.type === "event") {
      lines.push(`  ${written(model, message.body.event)}`);
      lines.splice(0, Math.max(0, lines.length - shownEvents));
      return;
    }
    statuses[place] = message.body.status;
    const all = Object.values(statuses).map((status) => formatStatus(status, terminal));
    const below = lines.length === 0 ? "" : `\n\n${bold("What happened")}\n${lines.join("\n")}`;
    terminal.line(`${home}${all.join("\n\n")}${below}\n\nCtrl-C ends this.`);
  };
}

function written(model: ModelKey, event: ClusterEvent): string {
  const whose = model === null ? "" : `${model}: `;
  return `${event.atSeconds.toFixed(1).padStart(8)} s  ${whose}${describeEvent(event)}`;
}
