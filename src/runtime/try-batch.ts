import { joinRows, splitRows } from "../graph/row-value.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import { unjoinable } from "../onnx/batch.ts";
import { compareTensors } from "./compare.ts";
import type { Session, TensorSignature, TensorValues } from "./runtime.ts";
import { sampleInputs } from "./sample-inputs.ts";

/** Rows that differ by more, relative to the largest magnitude of an answer, are not the same answer. */
const mostDifference = 1e-5;

/**
 * Runs seeded requests by themselves and as one. Whatever is summed or normalised over all rows makes
 * answers differ that should not. Texts have to be the same.
 *
 * @param session of the whole model
 * @param inputs shapes of one request
 * @param names graph outputs that depend on an input
 * @returns the largest difference of an answer, relative to its largest magnitude
 * @throws ONNX_UNSUPPORTED if answers differ by more than 1e-5; else as `Session.run`
 */
export async function tryBatch(
  session: Session,
  inputs: readonly TensorSignature[],
  names: readonly string[],
  requests: number,
): Promise<number> {
  const asked = Array.from({ length: requests }, (_, seed) =>
    sampleInputs(inputs, 1 + seed * 1000),
  );
  const alone: TensorValues[] = [];
  for (const values of asked) alone.push((await session.run(copied(values))).outputs);
  const joined = Object.fromEntries(
    inputs.map(({ name }) => [name, joinRows(asked.map((values) => values[name] as TensorValue))]),
  );
  const { outputs } = await session.run(joined);
  const counts = asked.map(() => 1);
  const found = names.flatMap((name) => {
    const rows = splitRows(outputs[name] as TensorValue, counts);
    return rows.map((row, position) => {
      const expected = alone[position]?.[name] as TensorValue;
      return { name, difference: compareTensors(expected, row).maxRelative };
    });
  });
  const worst = found.reduce((most, one) => (one.difference > most.difference ? one : most), {
    name: "",
    difference: 0,
  });
  if (worst.difference <= mostDifference) return worst.difference;
  const far = Number.isFinite(worst.difference)
    ? ` by ${worst.difference.toExponential(1)} of its largest magnitude; at most ${mostDifference.toExponential(0)} is allowed`
    : ", and not by rounding";
  throw unjoinable(
    `of ${requests} requests as one, output '${worst.name}' differs from that of the same request alone${far}`,
  );
}

/** A run takes the buffers of its inputs away. */
function copied(values: TensorValues): TensorValues {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { ...value, data: value.data.slice() }]),
  );
}
