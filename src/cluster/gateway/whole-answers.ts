import { Stitching } from "../../graph/region-value.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import type { Deployment } from "../deployment.ts";
import { type Extents, readRegion } from "../region-name.ts";

/**
 * Graph outputs, those that came in regions from several devices put together.
 *
 * @param answered all `outputs` of the deployment, by name
 * @throws TENSOR_SHAPE_MISMATCH if a region is not what its name says
 */
export function wholeAnswers({ devices }: Deployment, answered: TensorValues): TensorValues {
  const extents: Extents = Object.fromEntries(
    devices.flatMap(({ tiling }) => Object.entries(tiling?.extents ?? {})),
  );
  const stitchings = new Map<string, Stitching>();
  const whole = new Map<string, TensorValue>();
  for (const [name, value] of Object.entries(answered)) {
    const { tensor, region } = readRegion(name, extents);
    if (tensor === name || region === null) {
      whole.set(name, value);
      continue;
    }
    const all = readRegion(tensor, extents).region ?? [];
    const stitching = stitchings.get(tensor) ?? new Stitching(all);
    stitchings.set(tensor, stitching);
    const made = stitching.add(value, region);
    if (made !== null) whole.set(tensor, made);
  }
  return Object.fromEntries(whole);
}
