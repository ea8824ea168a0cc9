/**
 * A topology of what was measured: the machines that have joined, and the links between them.
 *
 * @module
 */
import { Document, isCollection, isSeq } from "yaml";
import { CodedError } from "../base/errors.ts";
import type { Gathered, GatheredDevice, GatheredLink } from "../cluster/gathering.ts";
import { readTopology } from "../cost/topology-file.ts";

export interface MeasuredTopologyOptions {
  /** What the standard benchmark takes where a speed of 1 is; `null`: every speed is 1. */
  readonly benchmarkSeconds: number | null;
  /** ISO 8601, with its zone. */
  readonly measuredAt: string;
}

/** Of a probe that took no longer than nothing does: it passed at this rate at least. */
const mostBitsPerSecond = 1e11;
/** What goes through the coordinator shares its capacity. */
const tunnelMedium = "through the coordinator";
const digits = 4;

/**
 * Writes a topology as people do, with what was measured. The first device is the source and the
 * sink. A link over which nothing came is left out; those that the coordinator passes on are one
 * medium.
 *
 * @throws TOPOLOGY_INVALID if some device cannot be reached from the others
 */
export function writeMeasuredTopology(
  { devices, links }: Gathered,
  options: MeasuredTopologyOptions,
): string {
  const [source] = devices;
  if (source === undefined) throw new CodedError("TOPOLOGY_INVALID", "no device was measured");
  requireReachable(source, devices, links);
  const measured = links.flatMap(({ from, to, link }) =>
    link === null ? [] : [{ from, to, link }],
  );
  const document = new Document({
    format: "partita.topology/1",
    devices: devices.map((device) => ({
      name: device.device,
      speed: speedOf(device, options.benchmarkSeconds),
      ...(device.memoryBytes === null ? {} : { memoryBytes: device.memoryBytes }),
    })),
    links: measured.map(({ from, to, link }) => ({
      from,
      to,
      bandwidthBitsPerSecond: rounded(link.goodputBitsPerSecond ?? mostBitsPerSecond),
      latencySeconds: rounded(link.roundTripSeconds / 2),
      ...(link.tunnelled ? { medium: tunnelMedium } : {}),
    })),
    source: source.device,
  });
  document.commentBefore = commentOn(devices, links, options);
  for (const key of ["devices", "links"]) {
    const list = document.get(key);
    if (!isSeq(list)) continue;
    for (const item of list.items) if (isCollection(item)) item.flow = true;
  }
  const text = document.toString({ lineWidth: 0 });
  readTopology(text, "the measured topology");
  return text;
}

/** A machine without a benchmark counts as the one that is compared with. */
function speedOf({ benchmarkSeconds }: GatheredDevice, reference: number | null): number {
  if (benchmarkSeconds === null || reference === null || benchmarkSeconds <= 0) return 1;
  return rounded(reference / benchmarkSeconds);
}

/** @throws TOPOLOGY_INVALID */
function requireReachable(
  source: GatheredDevice,
  devices: readonly GatheredDevice[],
  links: readonly GatheredLink[],
): void {
  const isLinked = (device: string): boolean =>
    links.some(({ from, to, link }) => link !== null && (from === device || to === device));
  const alone = devices.find(({ device }) => devices.length > 1 && !isLinked(device));
  if (alone === undefined) return;
  const why = links.find(({ from, to }) => from === alone.device || to === alone.device)?.why;
  throw new CodedError(
    "TOPOLOGY_INVALID",
    `device '${alone.device}' and the others (${source.device}, …) cannot reach each other: ${why ?? "nothing came through"}; see 'partita doctor'`,
    { device: alone.device },
  );
}

function commentOn(
  devices: readonly GatheredDevice[],
  links: readonly GatheredLink[],
  { measuredAt }: MeasuredTopologyOptions,
): string {
  const cores = devices.map(({ device, cores: count }) => `${device} ${count}`).join(", ");
  const missing = links.flatMap(({ from, to, link, why }) =>
    link === null ? [` no way from ${from} to ${to}: ${(why ?? "").replaceAll("\n", " ")}`] : [],
  );
  const untold = devices.filter(({ benchmarkSeconds }) => benchmarkSeconds === null);
  const guessed =
    untold.length === 0
      ? []
      : [` the speed of ${untold.map(({ device }) => device).join(", ")} was not measured: 1`];
  return [
    ` measured ${measuredAt}: goodput and half the round trip; speeds by the standard benchmark`,
    ` cores: ${cores}`,
    ...missing,
    ...guessed,
  ].join("\n");
}

function rounded(value: number): number {
  return Number(value.toPrecision(digits));
}
