/**
 * Regions of tensors: what a device holds, sends and keeps is a tensor or a region of one, by a name
 * that says which.
 *
 * @module
 */
import type { GraphIndex } from "../graph/graph.ts";
import { isSameRegion, regionOf } from "../graph/region-value.ts";
import type { Region } from "../graph/window.ts";

/** Rows and columns of the tensors that may be cut, by name; all others are whole. */
export type Extents = Readonly<Record<string, readonly number[]>>;

export interface TensorRegion {
  readonly tensor: string;
  /** `null`: of a tensor that cannot be cut all there is. */
  readonly region: Region | null;
}

/** A tensor that a device puts together, or cuts, from regions that it has. */
export interface Composition {
  readonly name: string;
  /** At least one; together they hold all of it. */
  readonly from: readonly string[];
}

const spansPattern = /^\d+:\d+(?:,\d+:\d+)*$/;

/**
 * The tensors of a graph that have rows and columns: [batch, channels, height, width]. None, if a
 * tensor is named as regions are: nobody could tell them apart.
 */
export function extentsOf({ graph }: GraphIndex): Extents {
  if (graph.tensors.some(({ name }) => spansOf(name) !== null)) return {};
  return Object.fromEntries(
    graph.tensors
      .filter(({ shape }) => shape.length === 4 && shape.every((size) => size > 0))
      .map(({ name, shape }) => [name, shape.slice(2)]),
  );
}

/** `conv1[0:56,0:112]`; of all rows and columns the tensor's own name. */
export function regionName(tensor: string, region: Region, extents: Extents): string {
  const whole = Object.hasOwn(extents, tensor) ? extents[tensor] : undefined;
  if (whole === undefined || isSameRegion(region, regionOf(whole))) return tensor;
  return `${tensor}[${region.map(({ from, to }) => `${from}:${to}`).join(",")}]`;
}

/** What a name says, which may come from anywhere: what lies outside of its tensor is no region of it. */
export function readRegion(name: string, extents: Extents): TensorRegion {
  const whole = Object.hasOwn(extents, name) ? extents[name] : undefined;
  if (whole !== undefined) return { tensor: name, region: regionOf(whole) };
  const tensor = name.slice(0, Math.max(0, name.lastIndexOf("[")));
  const own = Object.hasOwn(extents, tensor) ? extents[tensor] : undefined;
  const spans = own === undefined ? null : spansOf(name);
  if (own === undefined || spans === null) return { tensor: name, region: null };
  const region = spans.split(",").map((span) => {
    const [from = 0, to = 0] = span.split(":").map(Number);
    return { from, to };
  });
  return isInside(region, own) ? { tensor, region } : { tensor: name, region: null };
}

function isInside(region: Region, extents: readonly number[]): boolean {
  return (
    region.length === extents.length &&
    region.every(({ from, to }, axis) => from < to && to <= (extents[axis] as number))
  );
}

/** What stands in brackets at the end of a region's name; `null`: it is none. */
function spansOf(name: string): string | null {
  if (!name.endsWith("]")) return null;
  const spans = name.slice(name.lastIndexOf("[") + 1, -1);
  return name.includes("[") && spansPattern.test(spans) ? spans : null;
}
