import { isCovered } from "../graph/region-value.ts";
import { commonRegion, type Region, regionSize } from "../graph/window.ts";
import { type Composition, type Extents, readRegion } from "./region-name.ts";

/** Looking at more would take long, and what somebody else keeps may be anything. */
export const mostKeptRegions: number = 128;

/**
 * How a region is put together from others; `null`: they do not hold all of it. Takes those that come
 * first, and none that adds nothing. O(regions³) time for the regions of one tensor.
 *
 * @param names of regions, those that are there first of all in front
 * @param most so many that have something of it are looked at; left out: all
 */
export function compose(
  wanted: string,
  names: Iterable<string>,
  extents: Extents,
  most: number = Number.POSITIVE_INFINITY,
): Composition | null {
  const { tensor, region } = readRegion(wanted, extents);
  if (region === null) return null;
  const taken: { readonly name: string; readonly held: Region }[] = [];
  let seen = 0;
  const isWhole = (): boolean =>
    isCovered(
      region,
      taken.map(({ held }) => held),
    );
  for (const name of names) {
    const other = readRegion(name, extents);
    if (other.tensor !== tensor || other.region === null) continue;
    const common = commonRegion(other.region, region);
    if (regionSize(common) === 0) continue;
    if (++seen > most) return null;
    if (
      isCovered(
        common,
        taken.map(({ held }) => held),
      )
    )
      continue;
    taken.push({ name, held: other.region });
    if (isWhole()) return { name: wanted, from: needed(region, taken) };
  }
  return null;
}

/** Without those that others came to make superfluous. */
function needed(
  region: Region,
  taken: readonly { readonly name: string; readonly held: Region }[],
): string[] {
  let left = taken;
  for (const one of taken) {
    const others = left.filter((other) => other !== one);
    if (
      isCovered(
        region,
        others.map(({ held }) => held),
      )
    )
      left = others;
  }
  return left.map(({ name }) => name);
}
