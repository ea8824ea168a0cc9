/**
 * Which models a server is to run, under which names, how often each is asked, and how many requests
 * of it may go as one.
 *
 * @module
 */
import type { Joining } from "../../plan/batch.ts";
import { type Option, texts, usage } from "../command.ts";
import { joiningOf } from "../joining.ts";
import { type ModelReference, readForEach, readModels, readRates } from "../models.ts";
import { planningOptions } from "../planning.ts";

/** A model as it was named on the command line. */
export interface NamedArgument extends ModelReference {
  /** `null`: not stated. */
  readonly requestsPerSecond: number | null;
  /** `null`: each request by itself. */
  readonly joining: Joining | null;
}

export interface NamedChoices {
  readonly rate: readonly string[];
  readonly maxBatch: readonly string[];
  readonly maxWait: readonly string[];
}

/** What is said for all models, or with `NAME=` for one. */
export const joiningOptions: Pick<
  { readonly [K in keyof NamedChoices]: Option<NamedChoices[K]> },
  "maxBatch" | "maxWait"
> = {
  maxBatch: texts(
    "--max-batch <[name=]n>",
    "join up to n requests of a model that wait, if it pays (default 1); repeatable",
  ),
  maxWait: texts(
    "--max-wait <[name=]5 ms>",
    "let a request wait so long for others to be joined with (default 0 s: only for room)",
  ),
};

const longestName = 128;

/**
 * Names are those of folders and parts of addresses, too: they are short, and differ in more than
 * capitals.
 *
 * @param words each an argument for `loadModel`, or `NAME=` and one
 * @throws USAGE_INVALID
 */
export function readNamedModels(
  words: readonly string[],
  { rate, maxBatch, maxWait }: NamedChoices,
): readonly NamedArgument[] {
  const models = readModels(words);
  const stated = readRates(rate, models);
  const batches = readForEach("--max-batch", maxBatch, models);
  const waits = readForEach("--max-wait", maxWait, models);
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
    joining: joiningOf({
      maxBatch: planningOptions.maxBatch.read(batches.get(model.name)),
      maxWait: planningOptions.maxWait.read(waits.get(model.name)),
    }),
  }));
}

/** @throws USAGE_INVALID for what is there for one model only, or for one whose rate is not stated */
export function refuseForSeveral(
  models: readonly NamedArgument[],
  {
    objective,
    nats,
  }: { readonly objective: string | undefined; readonly nats: string | undefined },
): void {
  const isRateStated = models.some(({ requestsPerSecond }) => requestsPerSecond !== null);
  const isPlain = models.length === 1 && !isRateStated;
  if (!isPlain && objective !== undefined && objective !== "latency") {
    throw usage(
      "--objective is for one model without a --rate: models with rates, and several, are placed for the least latency",
    );
  }
  if (models.length === 1 || nats === undefined) return;
  const names = models.map(({ name }) => name).join(", ");
  throw usage(
    `--nats hands one model on from server to server, not ${models.length} (${names}): leave it out, or serve each model by itself, in a cluster of another name (nats://HOST/NAME)`,
  );
}
