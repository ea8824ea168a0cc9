/**
 * The box of an envelope as people write it: `--bandwidth camera-gateway=0.1..1000 Mbit/s`,
 * `--slow-down cloud=1..10`.
 *
 * @module
 */
import { type Dimension, parseQuantity } from "../base/units.ts";
import type { Parameter } from "../plan/envelope/box.ts";
import type { Problem } from "../plan/problem.ts";
import { usage } from "./command.ts";

/** Unless told, each bandwidth may be a hundred times less or more than stated. */
const defaultRange = 100;
const defaultSlowDown = 10;
/** More parameters than this are not chosen unasked: the box has two corners for each. */
const mostUnasked = 4;

/**
 * Reads what changes. Without any, each pair of linked devices and each device but the source.
 *
 * @throws USAGE_INVALID, QUANTITY_INVALID
 */
export function readBox(
  bandwidths: readonly string[],
  slowDowns: readonly string[],
  problem: Problem,
): Parameter[] {
  const box = [
    ...bandwidths.map((written) => readBandwidth(written, problem)),
    ...slowDowns.map((written) => readSlowDown(written, problem)),
  ];
  return box.length > 0 ? box : defaultBox(problem);
}

function readBandwidth(written: string, problem: Problem): Parameter {
  const [name, range] = halves(written, "=", "--bandwidth camera-cloud=1..100 Mbit/s");
  const links = linksBetween(name, problem);
  const [low, high] = halves(range, "..", "--bandwidth camera-cloud=1..100 Mbit/s");
  const unit = /[^\d.eE+\-\s].*$/.exec(high)?.[0] ?? "";
  const least = /[a-z]/i.test(low.replace(/[eE][+-]?\d+/, "")) ? low : `${low} ${unit}`.trim();
  const read = (text: string): number => parseQuantity(text, "bit/s" satisfies Dimension);
  return { type: "bandwidth", links, least: read(least), most: read(high) };
}

/** Both directions of a pair. Names may hold dashes themselves. */
function linksBetween(name: string, { hops, devices }: Problem): number[] {
  const links = hops.links.flatMap(({ from, to }, link) => {
    const [one, other] = [devices[from]?.name, devices[to]?.name];
    return `${one}-${other}` === name || `${other}-${one}` === name ? [link] : [];
  });
  if (links.length > 0) return links;
  const known = pairs({ hops, devices }).map(([first = 0]) => {
    const { from = 0, to = 0 } = hops.links[first] ?? {};
    return `${devices[from]?.name}-${devices[to]?.name}`;
  });
  throw usage(`--bandwidth: there is no link "${name}"; there are ${known.join(", ")}`);
}

function readSlowDown(written: string, { devices }: Problem): Parameter {
  const example = "--slow-down cloud=1..10";
  const [name, range] = halves(written, "=", example);
  const device = devices.findIndex((candidate) => candidate.name === name);
  if (device < 0) {
    const known = devices.map((candidate) => candidate.name).join(", ");
    throw usage(`--slow-down: there is no device "${name}"; there are ${known}`);
  }
  const [least, most] = halves(range, "..", example).map(toNumber) as [number, number];
  if (Number.isFinite(least) && Number.isFinite(most)) {
    return { type: "slow-down", device, least, most };
  }
  throw usage(`--slow-down ${written}: write two numbers, for instance ${example}`);
}

function toNumber(written: string): number {
  return written === "" ? Number.NaN : Number(written);
}

function halves(written: string, separator: string, example: string): [string, string] {
  const at = written.indexOf(separator);
  if (at >= 0) return [written.slice(0, at).trim(), written.slice(at + separator.length).trim()];
  throw usage(`"${written}" has no "${separator}"; write for instance ${example}`);
}

function defaultBox(problem: Problem): Parameter[] {
  const box: Parameter[] = pairs(problem).map((links) => {
    const nominal = problem.topology.links[links[0] as number]?.bandwidthBitsPerSecond ?? 1;
    return {
      type: "bandwidth",
      links,
      least: nominal / defaultRange,
      most: nominal * defaultRange,
    };
  });
  problem.devices.forEach((_, device) => {
    if (device === problem.source || problem.kinds[device] === null) return;
    box.push({ type: "slow-down", device, least: 1, most: defaultSlowDown });
  });
  if (box.length === 0) {
    throw usage(
      `there is no link and no device but the source '${problem.devices[problem.source]?.name}', so that nothing changes the decision`,
    );
  }
  if (box.length <= mostUnasked) return box;
  throw usage(
    `${box.length} bandwidths and slow-downs could change; say which: --bandwidth A-B=1..100 Mbit/s, --slow-down A=1..10`,
  );
}

/** Links of two devices, those of the first link's direction first. */
function pairs({ hops }: Pick<Problem, "hops" | "devices">): number[][] {
  const found = new Map<string, number[]>();
  hops.links.forEach(({ from, to }, link) => {
    const key = [from, to].sort((a, b) => a - b).join();
    found.set(key, [...(found.get(key) ?? []), link]);
  });
  return [...found.values()];
}
