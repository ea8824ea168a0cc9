import { isIP } from "node:net";
import { isCoded, messageOf } from "../../base/errors.ts";
import { formatQuantity } from "../../base/units.ts";
import type { ClusterStatus } from "../../cluster/status.ts";
import { parseAddress } from "../../transport/tcp-listener.node.ts";
import { addressesIn } from "../addresses.ts";
import { isLoopbackHost } from "../security.ts";
import { type Check, failed, ok, skipped, warning } from "./check.ts";
import { checkSkew, checkSpeeds } from "./comparisons.ts";
import { dialSeconds, type Probes } from "./probes.ts";

export interface NetworkQuestion {
  /** Of the coordinator; several separated by commas. */
  readonly join: string;
  /** Left out: nobody is asked anything. */
  readonly token: string | undefined;
}

/**
 * From the coordinator's name to its answer, in the order in which an agent would need it; what
 * comes behind a failure is left out.
 *
 * @returns the cluster as the coordinator sees it, if it told, and which address of it was dialled
 * @throws USAGE_INVALID if `join` is no address
 */
export async function checkCoordinator(
  question: NetworkQuestion,
  probes: Probes,
): Promise<{
  readonly checks: readonly Check[];
  readonly status: ClusterStatus | null;
  readonly address: string | null;
}> {
  const ways = await Promise.all(
    addressesIn(question.join).map((address) => checkWay(address, probes)),
  );
  const open = ways.find(({ isOpen }) => isOpen);
  const found = ways.flatMap(({ checks }) => checks);
  if (open === undefined) return { checks: found, status: null, address: null };
  // One way in is enough.
  const before = found.map((check) =>
    check.state === "failed" ? { ...check, state: "warning" as const } : check,
  );
  const { address } = open;
  const asked = await checkAnswer({ ...question, join: address }, probes);
  return { checks: [...before, ...asked.checks], status: asked.status, address };
}

/** One address of the coordinator. */
async function checkWay(
  address: string,
  probes: Probes,
): Promise<{
  readonly address: string;
  readonly checks: readonly Check[];
  readonly isOpen: boolean;
}> {
  const { host, port } = parseAddress(address);
  const resolved = await checkName(host, probes);
  const dialled = await Promise.all(
    resolved.addresses.map((number) => checkDial(number, port, probes)),
  );
  const isOpen = dialled.some(({ state }) => state === "ok");
  return { address, checks: [resolved.check, ...dialled], isOpen };
}

async function checkName(
  host: string,
  probes: Probes,
): Promise<{ readonly check: Check; readonly addresses: readonly string[] }> {
  const name = `name ${host}`;
  if (isIP(host) !== 0) return { check: ok(name, "is an address"), addresses: [host] };
  try {
    const addresses = await probes.resolve(host);
    return { check: ok(name, addresses.join(", ")), addresses };
  } catch (error) {
    const fix =
      codeOf(error) === "EAI_AGAIN"
        ? "the name server does not answer: check this machine's network, or give the coordinator's IP address"
        : "check the spelling, or give the coordinator's IP address; a name in .local needs multicast DNS";
    return { check: failed(name, `is not known: ${messageOf(error)}`, fix), addresses: [] };
  }
}

async function checkDial(host: string, port: number, probes: Probes): Promise<Check> {
  const name = `TCP to ${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  try {
    return ok(name, `connected within ${formatQuantity(await probes.dial(host, port), "s")}`);
  } catch (error) {
    const { observed, fix } = explainDial(error, port);
    return failed(name, observed, fix);
  }
}

function explainDial(error: unknown, port: number): { observed: string; fix: string } {
  switch (codeOf(error)) {
    case "ECONNREFUSED":
      return {
        observed: "refused: the machine is there, but nothing listens at this port and address",
        fix: `is port ${port} the right one, and is it running? If it listens at 127.0.0.1 only, start it with --listen 0.0.0.0:${port}`,
      };
    case "ETIMEDOUT":
      return {
        observed: `no answer within ${dialSeconds} s`,
        fix: `a firewall on the way drops it, or the machine is off: allow TCP port ${port} into it`,
      };
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return {
        observed: `unreachable (${codeOf(error)}): there is no route to this address`,
        fix: "check that both machines are in one network (or VPN), and that the address is right",
      };
    default:
      return { observed: messageOf(error), fix: "see the message" };
  }
}

async function checkAnswer(
  { join, token }: NetworkQuestion,
  probes: Probes,
): Promise<{ readonly checks: readonly Check[]; readonly status: ClusterStatus | null }> {
  if (token === undefined) {
    const check = skipped("answer", "nobody was asked", "give --token to ask the coordinator");
    return { checks: [check], status: null };
  }
  try {
    const asked = probes.calendarSeconds();
    const status = await probes.ask(join, token);
    const checks = [
      checkEncryption(token, parseAddress(join).host),
      ok("protocol and token", `accepted; it runs ${status.model}, ${status.phase}`),
      checkSkew(status, asked, probes.calendarSeconds()),
    ];
    return { checks, status };
  } catch (error) {
    return { checks: [explainRefusal(error)], status: null };
  }
}

function checkEncryption(token: string, host: string): Check {
  const name = "encryption";
  if (token.includes(".")) return ok(name, "TLS, with the fingerprint of the token");
  if (isLoopbackHost(host))
    return ok(name, "none, and none needed: the coordinator is on this machine");
  return warning(
    name,
    "none: whoever sees the network sees tensors, weights and the token",
    "let the coordinator run with TLS, and use the token that it prints then",
  );
}

function explainRefusal(error: unknown): Check {
  const observed = messageOf(error);
  switch (isCoded(error) ? error.code : null) {
    case "TOKEN_REFUSED":
      return failed("token", observed, "copy the token that the coordinator printed, whole");
    case "USAGE_INVALID":
      return failed("token", observed, "copy the token that the coordinator printed, whole");
    case "IDENTITY_REFUSED":
      return failed(
        "identity",
        observed,
        "the token is of another cluster, or somebody else answers here: compare the token with what the coordinator printed",
      );
    case "FRAME_MALFORMED":
      return failed(
        "protocol",
        observed,
        "install one version of partita on all machines; is a coordinator behind this port at all?",
      );
    default:
      return failed(
        "answer",
        observed,
        "whoever listens there does not answer as a coordinator: check the port, and whether both sides use TLS (a token with a dot) or neither",
      );
  }
}

/** Whether every device is there, can be dialled from here, and has its links. Never rejects. */
export async function checkCluster(
  status: ClusterStatus,
  expected: readonly string[],
  join: string,
  probes: Probes,
): Promise<readonly Check[]> {
  const { host } = parseAddress(join);
  const known = new Set(status.devices.map(({ device }) => device));
  const away = new Set(
    status.devices.filter(({ state }) => state === "away").map(({ device }) => device),
  );
  const devices = await Promise.all(
    status.devices.map((device) => checkDevice(device, host, probes)),
  );
  return [
    ...devices,
    ...expected.filter((device) => !known.has(device)).map(notPlanned),
    ...checkSpeeds(status),
    ...status.links.map((link) => checkLink(link, away)),
  ];
}

async function checkDevice(
  { device, state, why, addresses, role }: ClusterStatus["devices"][number],
  coordinator: string,
  probes: Probes,
): Promise<Check> {
  const name = `device ${device}`;
  if (role === "relay") return ok(name, "only passes on what others send");
  if (state === "away") {
    return failed(
      name,
      `away${why === null ? "" : `: ${why}`}`,
      `start it there: partita agent --join ADDRESS --token T --name ${device}`,
    );
  }
  const attempts = await Promise.all(
    addresses
      .map(parseAddress)
      // Another machine's loopback is nobody's business here.
      .filter(({ host }) => !isLoopbackHost(host) || isLoopbackHost(coordinator))
      .map(({ host, port }) => checkDial(host, port, probes)),
  );
  const reached = attempts.find((attempt) => attempt.state === "ok");
  if (reached !== undefined) return ok(name, `${state}, ${reached.name}: ${reached.observed}`);
  const observed =
    attempts.length === 0
      ? `${state}, listens at its own loopback address only`
      : `${state}, cannot be dialled from here: ${attempts.map((one) => `${one.name}: ${one.observed}`).join("; ")}`;
  return warning(
    name,
    observed,
    "it has to dial this machine, or tensors go through the coordinator; let its agent --listen where others reach it, and allow that port",
  );
}

function notPlanned(device: string): Check {
  return failed(
    `device ${device}`,
    "is in the topology, but the coordinator does not know it",
    "give the coordinator the same topology",
  );
}

function checkLink(
  { from, to, state, tunnelled }: ClusterStatus["links"][number],
  away: ReadonlySet<string>,
): Check {
  const name = `link ${from} → ${to}`;
  const absent = [from, to].find((device) => away.has(device));
  if (absent !== undefined) return skipped(name, `not known while ${absent} is away`);
  if (state === "down") {
    return failed(
      name,
      "down: neither can reach the other",
      `run partita doctor --join ADDRESS --token T on ${from} and on ${to}, and allow the ports of their agents`,
    );
  }
  if (!tunnelled) return ok(name, "up");
  return warning(
    name,
    "up, but through the coordinator: neither can dial the other",
    `allow the port of the agent on ${to} for ${from}, or the other way round`,
  );
}

/**
 * Whether an agent could listen at an address of this machine.
 *
 * @throws USAGE_INVALID if it is no address
 */
export async function checkListen(address: string, probes: Probes): Promise<readonly Check[]> {
  const { host, port } = parseAddress(address);
  const name = `listen at ${address}`;
  try {
    await probes.listen(host, port);
    return [
      ok(name, "possible"),
      skipped(
        "from outside",
        "whether others reach it cannot be known from here",
        "start the agent, then run partita doctor --join ADDRESS --token T on the other machines",
      ),
    ];
  } catch (error) {
    if (codeOf(error) === "EADDRINUSE") {
      return [
        warning(name, "taken", "fine if this machine's agent has it; else choose another port"),
      ];
    }
    if (codeOf(error) === "EADDRNOTAVAIL") {
      return [failed(name, "no address of this machine", "use one of its own, or 0.0.0.0 for all")];
    }
    return [failed(name, messageOf(error), "ports below 1024 need rights; choose a higher one")];
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
