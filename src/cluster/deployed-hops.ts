import type { Topology } from "../cost/topology.ts";
import { isCovered } from "../graph/region-value.ts";
import type { Plan, Transfer } from "../plan/plan.ts";
import { type Extents, readRegion, regionName } from "./region-name.ts";

/** A tensor, or a region of one, that goes from one device that takes part to another. */
export interface Hop extends Pick<Transfer, "from" | "to" | "bytes" | "codec"> {
  readonly name: string;
  readonly via?: string;
}

/** The hops of a plan: what reaches the coordinator's relay goes on from whoever sent it. */
export function hopsOf(
  { transfers }: Pick<Plan, "transfers">,
  { devices }: Pick<Topology, "devices">,
  extents: Extents,
): readonly Hop[] {
  const relays = new Set(
    devices.filter(({ relay }) => relay !== undefined).map(({ name }) => name),
  );
  const hops = transfers.map((transfer) => hopOf(transfer, extents));
  if (relays.size === 0) return hops;
  return hops.flatMap((hop): Hop[] => {
    if (relays.has(hop.to)) return [];
    if (!relays.has(hop.from)) return [hop];
    const first = hops.find((one) => one.to === hop.from && holds(one, hop, extents));
    // Without one, nobody has the tensor: the check of what arrives will say so.
    return first === undefined ? [] : [{ ...hop, from: first.from, via: hop.from }];
  });
}

function hopOf({ tensor, from, to, bytes, codec, rows, columns }: Transfer, extents: Extents): Hop {
  const form = codec === undefined ? {} : { codec };
  const { region } = readRegion(tensor, extents);
  const spans = [rows, columns];
  const own = region?.map((all, axis) => {
    const [first, behind] = spans[axis] ?? [all.from, all.to];
    return { from: first, to: behind };
  });
  const name = own === undefined ? tensor : regionName(tensor, own, extents);
  return { name, from, to, bytes, ...form };
}

/** Whether one brings all that the other takes on. */
function holds(one: Hop, other: Hop, extents: Extents): boolean {
  if (one.name === other.name) return true;
  const [mine, its] = [readRegion(one.name, extents), readRegion(other.name, extents)];
  if (mine.tensor !== its.tensor || mine.region === null || its.region === null) return false;
  return isCovered(its.region, [mine.region]);
}
