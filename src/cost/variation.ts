import { CodedError, messageOf } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { parseQuantity } from "../base/units.ts";
import { nominalState } from "./state.ts";
import type { Topology } from "./topology.ts";
import { devicesByName, linksByName, type WeightedState } from "./trace.ts";

/** What varies, alike for all links of one name, and how. */
export interface Variation {
  readonly type: "link" | "device";
  /** In the topology. */
  readonly positions: readonly number[];
  readonly distribution: Distribution;
}

/** Of bandwidths in bit/s or of slow-downs. */
export type Distribution =
  | { readonly type: "uniform"; readonly least: number; readonly most: number }
  /** `sigma` of the logarithm: about two in three values lie within a factor of e^sigma of the median. */
  | { readonly type: "lognormal"; readonly median: number; readonly sigma: number };

/** Beyond this bandwidths leave the range of floating-point numbers, or of anything that exists. */
const mostSigma = 5;

/**
 * Reads what varies, as `NAME=5..40 Mbit/s` or `NAME=lognormal(20 Mbit/s, 0.5)`; for devices, whose
 * slow-down varies, without a unit. NAME is a link `from->to`, both directions `from<->to`, a medium
 * or a device.
 *
 * @throws USAGE_INVALID
 */
export function parseVariation(text: string, topology: Topology): Variation {
  const equals = text.indexOf("=");
  const name = text.slice(0, equals).trim();
  const written = text.slice(equals + 1).trim();
  if (equals < 1) {
    throw usage(`"${text}" should be NAME=RANGE, such as "camera->gateway=5..40 Mbit/s"`);
  }
  const links = linksByName(topology);
  const devices = devicesByName(topology);
  const link = links.get(name);
  const positions = link ?? devices.get(name);
  if (positions === undefined) {
    throw usage(
      `"${name}" is no link and no device of the topology (links: ${[...links.keys()].join(", ")}; devices: ${[...devices.keys()].join(", ")})`,
    );
  }
  const type = link === undefined ? "device" : "link";
  return { type, positions, distribution: parseDistribution(written, type) };
}

function parseDistribution(text: string, type: Variation["type"]): Distribution {
  const example =
    type === "link" ? "5..40 Mbit/s or lognormal(20 Mbit/s, 0.5)" : "1..3 or lognormal(1.5, 0.3)";
  const [from = "", to, ...others] = text.split("..").map((end) => end.trim());
  if (to !== undefined && others.length === 0) {
    // The unit need not be said twice.
    const unit = /[a-z/]*$/i.exec(to)?.[0] ?? "";
    const least = parseValue(/[a-z]$/i.test(from) || unit === "" ? from : `${from} ${unit}`, type);
    const most = parseValue(to, type);
    if (least <= most) return { type: "uniform", least, most };
    throw usage(`"${text}" ends before it begins; write the smaller value first`);
  }
  const [, median, sigma] = /^lognormal\(([^,]+),([^,]+)\)$/.exec(text) ?? [];
  const spread = Number(sigma?.trim() || Number.NaN);
  if (median === undefined || !(spread >= 0)) {
    throw usage(`"${text}" is no range and no distribution; write for instance ${example}`);
  }
  if (spread > mostSigma) {
    throw usage(
      `"${text}" spreads over more than a factor of e^${mostSigma}; sigma is that of the logarithm, such as 0.5`,
    );
  }
  return { type: "lognormal", median: parseValue(median, type), sigma: spread };
}

/** A bandwidth or a slow-down, above 0. */
function parseValue(text: string, type: Variation["type"]): number {
  const value = type === "link" ? parseBandwidth(text) : Number(text.trim() || Number.NaN);
  if (Number.isFinite(value) && value > 0) return value;
  const what = type === "link" ? "a bandwidth" : "a slow-down, a number without a unit,";
  throw usage(`"${text.trim()}" should be ${what} above 0`);
}

function parseBandwidth(text: string): number {
  try {
    return parseQuantity(text, "bit/s");
  } catch (error) {
    throw usage(messageOf(error));
  }
}

/** Draws states of equal weight; what has no variation stays as the topology states it. */
export function sampleStates(
  topology: Topology,
  variations: readonly Variation[],
  count: number,
  random: Random,
): WeightedState[] {
  const stated = nominalState(topology);
  return Array.from({ length: count }, () => {
    const bandwidthBitsPerSecond = [...stated.bandwidthBitsPerSecond];
    const slowDown = [...stated.slowDown];
    for (const { type, positions, distribution } of variations) {
      const value = draw(distribution, random);
      const values = type === "link" ? bandwidthBitsPerSecond : slowDown;
      for (const position of positions) values[position] = value;
    }
    return { state: { bandwidthBitsPerSecond, slowDown }, weightSeconds: 1 };
  });
}

function draw(distribution: Distribution, random: Random): number {
  switch (distribution.type) {
    case "uniform":
      return distribution.least + (distribution.most - distribution.least) * random.next();
    case "lognormal":
      return distribution.median * Math.exp(distribution.sigma * drawNormal(random));
    default:
      return distribution satisfies never;
  }
}

/** Box and Muller. */
function drawNormal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return radius * Math.cos(2 * Math.PI * random.next());
}

function usage(message: string): CodedError {
  return new CodedError("USAGE_INVALID", `--vary: ${message}`);
}
