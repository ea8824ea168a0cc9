/**
 * Profiles from files, and the options of commands that may measure one.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import {
  type OptimisationLevel,
  optimisationLevels,
  type Profile,
  readProfile,
} from "../cost/profile.ts";
import { type Argument, choice, numbers, type Option, texts, whole } from "./command.ts";
import { readText, shownName } from "./files.ts";
import { type Shapes, shapeOption } from "./shape-option.ts";
import type { Terminal } from "./terminal.ts";

type Level = OptimisationLevel | "auto";

/** What commands plan for. */
export const profileArgument: Argument = {
  syntax: "<model|profile>",
  summary: "a .profile.json, or a model, which is then profiled on this machine",
};

/** Of commands that take one profile as their argument. */
export const moreProfilesOption: Option<readonly string[]> = texts(
  "--profile <file>",
  "further profiles of the same graph, one per kind of device",
);

/** Options of all commands that may measure. */
export const profilingOptions: {
  readonly shape: Option<Shapes>;
  readonly level: Option<Level | undefined>;
  readonly threads: Option<number | undefined>;
  readonly codecs: Option<false | undefined>;
  readonly batch: Option<readonly number[] | undefined>;
} = {
  shape: shapeOption,
  level: choice(
    "--level <level>",
    "how far the whole graph is optimised before it is measured; default extended",
    [...optimisationLevels, "auto"],
  ),
  threads: whole("--threads <n>", "threads of the runtime (default 1)", 1),
  codecs: {
    flags: "--no-codecs",
    summary: "do not measure or use lossless codecs for tensors on links",
    repeatable: false,
    read: (given) => (given === false ? false : undefined),
  },
  batch: numbers("--batch <1,2,4,8>", "also measure so many requests joined as one"),
};

export interface ProfilingChoices {
  readonly shape: Shapes;
  readonly level: Level | undefined;
  readonly threads: number | undefined;
  readonly codecs?: false | undefined;
  /** Left out: as many as `maxBatch` needs. */
  readonly batch?: readonly number[] | undefined;
  readonly maxBatch?: number | undefined;
}

/** Numbers of requests as one to measure beside one, ascending; none: they are not to be joined. */
export function batchesOf({ batch, maxBatch = 1 }: ProfilingChoices): readonly number[] {
  const doubling = [2, 4, 8, 16, 32, 64].filter((size) => size < maxBatch);
  const sizes = batch ?? [...doubling, maxBatch];
  return [...new Set(sizes)].filter((size) => size > 1).sort((a, b) => a - b);
}

/**
 * `all` bakes in layouts of one class of processors, and nothing is known here of the machines that
 * will run the parts.
 */
export function resolveLevel(level: Level): OptimisationLevel {
  return level === "auto" ? "extended" : level;
}

/** A profile that is there is not measured again: what says how must not seem to be obeyed. */
export function refuseOthers(
  { graph, source }: Profile,
  { level, threads, shape, batch }: ProfilingChoices,
): void {
  const refuse = (option: string, wanted: unknown, found: unknown): never => {
    throw new CodedError(
      "PROFILE_INVALID",
      `${option} ${wanted} is asked for, but the profile was measured with ${found}; profile again, or leave the option out`,
    );
  };
  if (source !== undefined && level !== undefined && resolveLevel(level) !== source.level) {
    refuse("--level", level, source.level);
  }
  if (source !== undefined && threads !== undefined && threads !== source.threads) {
    refuse("--threads", threads, source.threads);
  }
  const measured = [1, ...(source?.batches ?? [])];
  if (source !== undefined && batch?.some((size) => !measured.includes(size)) === true) {
    refuse("--batch", batch.join(), measured.join());
  }
  for (const [input, sizes] of Object.entries(shape)) {
    const found = graph.tensors.find(({ name }) => name === input)?.shape;
    const isInput = graph.inputs.includes(input);
    if (isInput && found?.join() === sizes.join()) continue;
    refuse("--shape", `${input}=${sizes.join()}`, isInput ? found?.join() : "no such input");
  }
}

/** @throws PROFILE_INVALID, FILE_NOT_FOUND */
export async function loadProfile(path: string, terminal: Terminal): Promise<Profile> {
  return readProfile(await readText(path, terminal), shownName(path));
}
