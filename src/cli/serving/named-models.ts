/**
 * Which models a server is to run, under which names, and how often each is asked.
 *
 * @module
 */
import { usage } from "../command.ts";
import { type ModelReference, readModels, readRates } from "../models.ts";

/** A model as it was named on the command line. */
export interface NamedArgument extends ModelReference {
  /** `null`: not stated. */
  readonly requestsPerSecond: number | null;
}

const longestName = 128;

/**
 * Names are those of folders and parts of addresses, too: they are short, and differ in more than
 * capitals.
 *
 * @param words each an argument for `loadModel`, or `NAME=` and one
 * @param rates each `NAME=5/s`
 * @throws USAGE_INVALID
 */
export function readNamedModels(
  words: readonly string[],
  rates: readonly string[],
): readonly NamedArgument[] {
  const models = readModels(words);
  const stated = readRates(rates, models);
  const long = models.find(({ name }) => name.length > longestName);
  if (long !== undefined) {
    throw usage(
      `a model would be served under a name of ${long.name.length} characters, at most ${longestName} can be; write NAME=${long.argument}`,
    );
  }
  const lower = models.map(({ name }) => name.toLowerCase());
  const twice = models.find((_, place) => lower.indexOf(lower[place] as string) !== place);
  if (twice !== undefined) {
    throw usage(
      `two models are called '${twice.name}', but for capitals; give one of them another name: NAME=${twice.argument}`,
    );
  }
  return models.map((model) => ({
    ...model,
    requestsPerSecond: stated.get(model.name) ?? null,
  }));
}
