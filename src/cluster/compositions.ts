import { isCovered } from "../graph/region-value.ts";
import { commonRegion, type Region, regionSize } from "../graph/window.ts";
import { type Composition, type Extents, readPiece } from "./piece.ts";

/**
 * How a piece is put together from others; `null`: they do not hold all of it. Takes those that come
 * first, and none that adds nothing. O(pieces³) time for the pieces of one tensor.
 *
 * @param pieces by name, those that are there first of all in front
 */
export function compose(
  piece: string,
  pieces: Iterable<string>,
  extents: Extents,
): Composition | null {
  const { tensor, region } = readPiece(piece, extents);
  if (region === null) return null;
  const taken: { readonly name: string; readonly held: Region }[] = [];
  const isWhole = (): boolean =>
    isCovered(
      region,
      taken.map(({ held }) => held),
    );
  for (const name of pieces) {
    const other = readPiece(name, extents);
    if (other.tensor !== tensor || other.region === null) continue;
    const common = commonRegion(other.region, region);
    if (
      regionSize(common) === 0 ||
      isCovered(
        common,
        taken.map(({ held }) => held),
      )
    )
      continue;
    taken.push({ name, held: other.region });
    if (isWhole()) return { piece, from: needed(region, taken) };
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
