import { systemClock } from "../../base/clock.node.ts";
import type { ClusterEvent, ClusterStatus } from "../../cluster/status.ts";
import { watchCluster } from "../../cluster/watch-client.ts";
import { parseLeaderRecord } from "../../nats/leader-record.ts";
import { leaderAddress } from "../../nats/leader-transport.ts";
import { presentMembers } from "../../nats/membership.ts";
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
    const watching = watchCluster({
      transport: nats === null ? transport : transportToLeader(nats, transport),
      clock: systemClock,
      address,
      token: secret,
      signal,
    });
    const isLive = !options.once && !options.follow && terminal.watched;
    const events: ClusterEvent[] = [];
    let isFirst = true;
    for await (const message of watching) {
      if (message.type === "event") {
        const { event } = message.body;
        events.push(event);
        if (options.follow) printEvent(event, terminal);
      } else if (isLive) redraw(message.body.status, events, terminal);
      else if (!options.follow) {
        print(message.body.status, terminal);
        return 0;
      } else if (isFirst) {
        isFirst = false;
        terminal.note(`follows ${message.body.status.model} at ${address}; Ctrl-C ends it`);
      }
    }
    return 0;
  },
});

/** Who is there, whether it leads, stands by, or is an agent. */
async function showMembers({ engine }: NatsCluster, terminal: Terminal): Promise<void> {
  const { text } = await engine.leader.read();
  const leading = parseLeaderRecord(text)?.leader?.id;
  for (const { id, role, name, addresses } of await presentMembers(engine)) {
    const how = role === "agent" ? "agent" : id === leading ? "leads" : "stands by";
    terminal.note(`${name}: ${how}, ${addresses.join(", ")}`);
  }
}

function print(current: ClusterStatus, terminal: Terminal): void {
  if (terminal.json) terminal.document(current);
  else terminal.line(formatStatus(current, terminal));
}

/** One line each, so that whoever reads them knows when one is complete. */
function printEvent(event: ClusterEvent, terminal: Terminal): void {
  terminal.line(terminal.json ? JSON.stringify(event) : written(event));
}

function redraw(current: ClusterStatus, events: ClusterEvent[], terminal: Terminal): void {
  events.splice(0, Math.max(0, events.length - shownEvents));
  const { bold } = terminal.colours;
  const happened = events.map((event) => `  ${written(event)}`).join("\n");
  const below = happened === "" ? "" : `\n\n${bold("What happened")}\n${happened}`;
  terminal.line(`${home}${formatStatus(current, terminal)}${below}\n\nCtrl-C ends this.`);
}

function written(event: ClusterEvent): string {
  return `${event.atSeconds.toFixed(1).padStart(8)} s  ${describeEvent(event)}`;
}
