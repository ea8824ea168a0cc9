import { messageOf } from "../../base/errors.ts";
import type { Probed } from "../../cluster/control-message.ts";
import type { ClusterStatus } from "../../cluster/status.ts";
import type { Check } from "./check.ts";

/** How one device reaches another one. */
export interface Reach {
  readonly from: string;
  readonly to: string;
  readonly way: "direct" | "coordinator" | "none";
  /** Where the other device is, as this one sees it; `null`: nowhere. */
  readonly address: string | null;
  readonly roundTripSeconds: number | null;
  readonly bitsPerSecond: number | null;
  /** Why there is no way, or `null`. */
  readonly why: string | null;
  /** What to do about it; `null`: nothing. */
  readonly fix: string | null;
}

/** Large enough to tell fast links from slow ones, small enough not to hold up what runs. */
const surveyBytes = 1 << 18;

/**
 * Has every device that is there measure its way to every other. Each sends to one and hears of one
 * at a time, so that links are not measured against each other. Never rejects.
 */
export async function surveyAll(
  { devices }: ClusterStatus,
  survey: (from: string, to: string, bytes: number) => Promise<Probed>,
): Promise<readonly Reach[]> {
  const present = devices.filter(({ state, role }) => state !== "away" && role !== "relay");
  const reached: Reach[] = [];
  for (let step = 1; step < present.length; step++) {
    const round = present.map(async ({ device: from }, at) => {
      const { device: to = "", addresses = [] } = present[(at + step) % present.length] ?? {};
      try {
        return describe(from, to, addresses, await survey(from, to, surveyBytes));
      } catch (error) {
        return without(from, to, messageOf(error), "is its agent well? See partita status");
      }
    });
    reached.push(...(await Promise.all(round)));
  }
  const order = present.map(({ device }) => device);
  const place = ({ from, to }: Reach) => order.indexOf(from) * order.length + order.indexOf(to);
  return reached.sort((one, other) => place(one) - place(other));
}

/** What a way means for the whole. */
export function stateOf({ way }: Reach): Check["state"] {
  if (way === "direct") return "ok";
  return way === "coordinator" ? "warning" : "failed";
}

function describe(
  from: string,
  to: string,
  addresses: readonly string[],
  { link, error }: Probed,
): Reach {
  const listens = addresses.length === 0 ? "" : ` (${addresses.join(", ")})`;
  if (link === null) {
    const fix = `neither can dial the other, and there is no way through the coordinator: run partita doctor --join ADDRESS --token T on ${from} and on ${to}, and allow the port of the agent on ${to}${listens}`;
    return without(from, to, error?.message ?? "it did not say why", fix);
  }
  const { tunnelled, address, roundTripSeconds, goodputBitsPerSecond } = link;
  return {
    from,
    to,
    way: tunnelled ? "coordinator" : "direct",
    address,
    roundTripSeconds,
    bitsPerSecond: goodputBitsPerSecond,
    why: null,
    fix: tunnelled
      ? `neither can dial the other, so that tensors go over the coordinator's links: allow the port of the agent on ${to}${listens} for ${from}, or the other way round; agent --listen HOST:PORT keeps it the same`
      : null,
  };
}

function without(from: string, to: string, why: string, fix: string): Reach {
  const nothing = { address: null, roundTripSeconds: null, bitsPerSecond: null };
  return { from, to, way: "none", ...nothing, why, fix };
}
