import { CodedError } from "../base/errors.ts";
import type { Seconds } from "../base/units.ts";
import { cutRegion, regionOf, Stitching } from "../graph/region-value.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Region } from "../graph/window.ts";
import type { Session, TensorValues } from "./runtime.ts";

/** A session that reads and makes only some rows and columns of tensors [batch, channels, height, width]. */
export interface TileSession {
  readonly session: Session;
  /** By tensor; those that are not named are whole. */
  readonly inputs: ReadonlyMap<string, Region>;
  readonly outputs: ReadonlyMap<string, Region>;
  /** Rows and columns of each tensor in `inputs` and `outputs`. */
  readonly extents: ReadonlyMap<string, readonly number[]>;
}

export interface SplitRun {
  /** The tensors that were asked for. */
  readonly outputs: TensorValues;
  /** What each stage or tile took, in their order. */
  readonly computeSeconds: readonly Seconds[];
}

/**
 * Runs the parts of a split one after another in this process, on one set of inputs.
 *
 * @param sessions of the stages and tiles, each behind those that feed it
 * @param inputs the graph's inputs, by name; left to the caller
 * @param outputs names of tensors that are wanted: graph outputs, or any tensor between two stages
 * @throws TENSOR_UNKNOWN if a stage needs, or the caller wants, what no stage before has made, or tiles
 * not all of; TENSOR_SHAPE_MISMATCH if a tensor is not what a tile reads of; else as `Session.run`
 */
export async function runSplit(
  sessions: readonly (Session | TileSession)[],
  inputs: TensorValues,
  outputs: readonly string[],
): Promise<SplitRun> {
  const values = new Map<string, TensorValue>(Object.entries(inputs));
  const stitchings = new Map<string, Stitching>();
  const computeSeconds: Seconds[] = [];
  for (const one of sessions) {
    const { session, inputs: read, outputs: made, extents } = tileOf(one);
    const result = await session.run(
      Object.fromEntries(
        session.inputs.map(({ name }) => {
          const value = find(values, name);
          const region = read.get(name);
          // Copies: a run takes its inputs' buffers away, and later stages may need the same tensors.
          if (region === undefined) return [name, copyOf(value)];
          return [name, cutRegion(value, regionOf(extents.get(name) ?? []), region)];
        }),
      ),
    );
    computeSeconds.push(result.computeSeconds);
    for (const [name, value] of Object.entries(result.outputs)) {
      const region = made.get(name);
      if (region === undefined) {
        values.set(name, value);
        continue;
      }
      const stitching = stitchings.get(name) ?? new Stitching(regionOf(extents.get(name) ?? []));
      stitchings.set(name, stitching);
      const whole = stitching.add(value, region);
      if (whole !== null) values.set(name, whole);
    }
  }
  return {
    outputs: Object.fromEntries(outputs.map((name) => [name, find(values, name)])),
    computeSeconds,
  };
}

function tileOf(one: Session | TileSession): TileSession {
  if ("session" in one) return one;
  return { session: one, inputs: new Map(), outputs: new Map(), extents: new Map() };
}

function find(values: ReadonlyMap<string, TensorValue>, name: string): TensorValue {
  const value = values.get(name);
  if (value !== undefined) return value;
  throw new CodedError(
    "TENSOR_UNKNOWN",
    `tensor '${name}' is needed before a stage has made it; there are ${[...values.keys()].join(", ")}`,
    { tensor: name },
  );
}

function copyOf(value: TensorValue): TensorValue {
  return { ...value, data: new Uint8Array(value.data) };
}
