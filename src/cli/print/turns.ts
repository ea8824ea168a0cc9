import type { CodedError } from "../../base/errors.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Leader } from "../../nats/leader-record.ts";
import { type NatsPlace, publicUrl } from "../../nats/nats-url.ts";
import type { Terminal } from "../terminal.ts";
import { withToken } from "./with-token.ts";

/** What is said of who leads a cluster on NATS: a line each, with `--json` an object. */
export interface TurnTeller {
  readonly onStandby: (leader: Leader) => void;
  readonly onDeposed: (why: CodedError) => void;
  /** @param told what else machines are told of it */
  readonly onLeading: (
    addresses: readonly string[],
    term: number,
    told: Readonly<Record<string, unknown>>,
  ) => void;
}

export interface TurnSetting {
  readonly place: NatsPlace;
  readonly topology: Topology;
  readonly token: string;
}

export function tellTurns(setting: TurnSetting, terminal: Terminal): TurnTeller {
  const { bold } = terminal.colours;
  const say = (text: string, told: Readonly<Record<string, unknown>>): void =>
    terminal.line(terminal.json ? JSON.stringify(told) : text);
  return {
    onStandby: ({ addresses }) =>
      say(`${bold("stands by")}: ${addresses.join(", ")} leads`, { type: "standby", addresses }),
    onDeposed: (why) => say(why.message, { type: "deposed", why: why.message }),
    onLeading: (addresses, term, told) => {
      const leading = { type: "leading", term, ...told };
      say(`${bold("leads")} at ${addresses.join(", ")} (term ${term})`, leading);
      if (!terminal.json && term === 1) invite(setting, terminal);
    },
  };
}

function invite({ place, topology, token }: TurnSetting, terminal: Terminal): void {
  terminal.line("Start on each machine (with user and password, if the server wants them):");
  const at = publicUrl(place);
  for (const { name, relay } of topology.devices) {
    if (relay !== undefined) continue;
    terminal.line(`  ${withToken(`agent --nats ${at} --name ${name}`, token, terminal)}`);
  }
  terminal.line("To ask, and to look on:");
  terminal.line(`  ${terminal.program} run --nats ${at} INPUT…`);
  terminal.line(`  ${withToken(`status --nats ${at}`, token, terminal)}`);
  terminal.line("Ctrl-C hands the cluster over to one that stands by, or ends it.");
}
