/**
 * What commands that coordinate agents on other machines have in common: options, and what is wrong
 * with them.
 *
 * @module
 */
import type { Topology } from "../cost/topology.ts";
import { parseNatsUrl } from "../nats/nats-url.ts";
import { flag, type Option, quantity, text, texts, usage, whole } from "./command.ts";
import { logOption } from "./log.ts";
import { natsOption } from "./nats-option.ts";
import { answerQuestions, defaultStateFolder, type Ground, joinItself } from "./service.ts";
import type { Terminal } from "./terminal.ts";
import { readToken, tokenOption } from "./token-option.ts";

export interface CoordinatingChoices {
  readonly as: string | undefined;
  readonly tls: boolean;
  readonly noTls: boolean;
  readonly token: string | undefined;
  readonly state: string | undefined;
  readonly forget: readonly string[];
  readonly nats: string | undefined;
  readonly discover: boolean;
  readonly mixed: boolean;
  readonly noAdapt: boolean;
  readonly heartbeat: number | undefined;
  readonly missed: number | undefined;
  readonly log: string | undefined;
}

export const coordinatingOptions: {
  readonly [K in keyof CoordinatingChoices]: Option<CoordinatingChoices[K]>;
} = {
  as: text("--as <device>", "this machine is that device, too"),
  tls: flag("--tls", "TLS on the loopback, too (elsewhere it is on)"),
  noTls: isDenied("--no-tls", "no TLS between devices, with a warning off the loopback"),
  token: tokenOption("what agents and clients must show (default: one that is made and kept)"),
  state: text("--state <folder>", "keys, token and journals (default: by the topology's name)"),
  forget: texts("--forget <device>", "let another machine have this device's name; repeatable"),
  nats: natsOption("share state, parts and requests over NATS; start two, and one leads"),
  discover: flag("--discover", "answer agents that look for a coordinator on the local network"),
  mixed: flag("--mixed", "let in agents with another ONNX Runtime: answers may differ in bits"),
  noAdapt: isDenied(
    "--no-adapt",
    "stay with a plan while links and devices change, until something is lost",
  ),
  heartbeat: quantity("--heartbeat <0.5 s>", "how often agents must be heard", "s"),
  missed: whole("--missed <n>", "a device is lost that misses more heartbeats (default 10)", 1),
  log: logOption,
};

function isDenied(flags: string, summary: string): Option<boolean> {
  return { flags, summary, repeatable: false, read: (given) => given === false };
}

/** What the ground of a coordinator is opened with. */
export interface GroundChoices {
  readonly tls: boolean | undefined;
  readonly token: string | undefined;
  readonly folder: string;
}

/**
 * @param stateName of a topology, by which the folder of state is called unless told
 * @throws USAGE_INVALID for options that contradict each other
 */
export async function readGroundChoices(
  options: CoordinatingChoices,
  stateName: string,
  terminal: Terminal,
): Promise<GroundChoices> {
  const { heartbeat, tls, noTls } = options;
  if (tls && noTls) throw usage("--tls and --no-tls: give one of them");
  if (heartbeat === 0) throw usage("--heartbeat wants more than 0 s");
  if (options.nats !== undefined) refuseBesideNats(options.nats, options);
  return {
    tls: noTls ? false : tls || undefined,
    token: await readToken(options.token, terminal),
    folder: options.state ?? defaultStateFolder(stateName, terminal),
  };
}

/** @throws USAGE_INVALID for what belongs to a coordinator that is the only one */
function refuseBesideNats(url: string, { as, discover }: CoordinatingChoices): void {
  parseNatsUrl(url);
  if (as !== undefined) {
    throw usage(
      "--as ends with its coordinator; with --nats start `partita agent --nats` beside it",
    );
  }
  if (discover) throw usage("--discover finds one coordinator; with --nats agents find who leads");
}

/** @throws USAGE_INVALID if the topology has no such device */
export function checkDeviceHere(as: string | undefined, { devices }: Topology): void {
  if (as === undefined || devices.some(({ name }) => name === as)) return;
  const names = devices.map(({ name }) => name).join(", ");
  throw usage(`--as ${as}: the topology has no such device (devices: ${names})`);
}

/** What else belongs to a coordinator that can be dialled. */
export function accompany(
  ground: Ground,
  address: string,
  { as, discover }: Pick<CoordinatingChoices, "as" | "discover">,
): void {
  if (discover) answerQuestions(ground, address);
  if (as !== undefined) joinItself(ground, address, as);
}
