/**
 * Commands as data: what a command is called with, and what it does. One file per command in
 * `commands/`, loaded only when it is used.
 *
 * @module
 */
import { CodedError, messageOf } from "../base/errors.ts";
import { type Dimension, parseQuantity } from "../base/units.ts";
import type { Terminal } from "./terminal.ts";

export interface Argument {
  /** As commander writes it: `<model>`, `[file]`, `<input...>`. */
  readonly syntax: string;
  readonly summary: string;
}

/** An option and how its text becomes a value. */
export interface Option<T> {
  /** As commander writes it: `-o, --output <file>`. */
  readonly flags: string;
  readonly summary: string;
  readonly repeatable: boolean;
  /** Receives what commander gives: text, `true`, a list, or nothing. */
  read(given: unknown): T;
}

type Options = Readonly<Record<string, Option<unknown>>>;

type Values<O extends Options> = { readonly [K in keyof O]: ReturnType<O[K]["read"]> };

/** Where a command runs, and what ends it. */
export interface Surroundings {
  readonly terminal: Terminal;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
}

/** What a command is run with. */
export interface Call<O> extends Surroundings {
  readonly arguments: readonly string[];
  readonly options: O;
}

export interface Command {
  readonly summary: string;
  readonly arguments: readonly Argument[];
  readonly options: Options;
  /** Command lines, shown below the help. */
  readonly examples: readonly string[];
  /** Whether it runs until it is interrupted, so that its own exit code counts then, too. */
  readonly endsByInterrupt: boolean;
  /** Returns the exit code. */
  run(call: Call<Readonly<Record<string, unknown>>>): Promise<number>;
}

interface Definition<O extends Options> {
  readonly summary: string;
  readonly arguments?: readonly Argument[];
  readonly options: O;
  readonly examples?: readonly string[];
  readonly endsByInterrupt?: boolean;
  readonly run: (call: Call<Values<O>>) => Promise<number> | number;
}

/** Types the options of a command by their definitions. */
export function defineCommand<O extends Options>(definition: Definition<O>): Command {
  const { summary, options, run } = definition;
  return {
    summary,
    arguments: definition.arguments ?? [],
    options,
    examples: definition.examples ?? [],
    endsByInterrupt: definition.endsByInterrupt ?? false,
    run: async (call) => {
      const values = Object.fromEntries(
        Object.entries(options).map(([key, option]) => [key, option.read(call.options[key])]),
      );
      return await run({ ...call, options: values as Values<O> });
    },
  };
}

/** An option without a value. */
export function flag(flags: string, summary: string): Option<boolean> {
  return { flags, summary, repeatable: false, read: (given) => given === true };
}

export function text(flags: string, summary: string): Option<string | undefined> {
  return { flags, summary, repeatable: false, read: asText };
}

/** An option that may be given several times. */
export function texts(flags: string, summary: string): Option<readonly string[]> {
  return { flags, summary, repeatable: true, read: (given) => (given ?? []) as string[] };
}

/** A whole number of at least `least`. */
export function whole(flags: string, summary: string, least = 0): Option<number | undefined> {
  const read = (given: unknown): number | undefined => {
    const written = asText(given);
    if (written === undefined) return undefined;
    const value = Number(written);
    if (/^\d+$/.test(written) && Number.isSafeInteger(value) && value >= least) return value;
    throw usage(`${nameOf(flags)} wants a whole number of at least ${least}, not "${written}"`);
  };
  return { flags, summary, repeatable: false, read };
}

/** Whole numbers of at least 1, with commas between them. */
export function numbers(flags: string, summary: string): Option<readonly number[] | undefined> {
  const read = (given: unknown): readonly number[] | undefined => {
    const written = asText(given);
    if (written === undefined) return undefined;
    const values = written.split(",").map(Number);
    const areRight = values.every((value) => Number.isSafeInteger(value) && value >= 1);
    if (areRight && /^\s*\d+(\s*,\s*\d+)*\s*$/.test(written)) return values;
    throw usage(`${nameOf(flags)} wants whole numbers from 1 on such as 1,2,4, not "${written}"`);
  };
  return { flags, summary, repeatable: false, read };
}

/** A positive number. */
export function positive(flags: string, summary: string): Option<number | undefined> {
  const read = (given: unknown): number | undefined => {
    const written = asText(given);
    if (written === undefined) return undefined;
    const value = Number(written);
    if (Number.isFinite(value) && value > 0) return value;
    throw usage(`${nameOf(flags)} wants a number above 0, not "${written}"`);
  };
  return { flags, summary, repeatable: false, read };
}

/** A quantity with its unit, such as `50 ms`. */
export function quantity(
  flags: string,
  summary: string,
  dimension: Dimension,
): Option<number | undefined> {
  const read = (given: unknown): number | undefined => {
    const written = asText(given);
    if (written === undefined) return undefined;
    const value = orUsage(flags, () => parseQuantity(written, dimension));
    if (value >= 0) return value;
    throw usage(`${nameOf(flags)} must not be negative, but is "${written}"`);
  };
  return { flags, summary, repeatable: false, read };
}

function orUsage<T>(flags: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw usage(`${nameOf(flags)}: ${messageOf(error)}`);
  }
}

/** One of a few words. */
export function choice<T extends string>(
  flags: string,
  summary: string,
  words: readonly T[],
): Option<T | undefined> {
  const read = (given: unknown): T | undefined => {
    const written = asText(given);
    if (written === undefined) return undefined;
    const found = words.find((word) => word === written);
    if (found !== undefined) return found;
    throw usage(`${nameOf(flags)} wants one of ${words.join(", ")}, not "${written}"`);
  };
  return { flags, summary: `${summary} (${words.join(", ")})`, repeatable: false, read };
}

/** The option's value, or what it is needed for. */
export function needed<T>(value: T | undefined, flags: string, purpose: string): T {
  if (value !== undefined) return value;
  throw usage(`${flags} is missing: ${purpose}`);
}

/** The first argument that commander has made sure of. */
export function argumentAt(call: { readonly arguments: readonly string[] }, at: number): string {
  return call.arguments[at] ?? "";
}

export function usage(message: string): CodedError {
  return new CodedError("USAGE_INVALID", message);
}

function asText(given: unknown): string | undefined {
  return typeof given === "string" ? given : undefined;
}

/** `-o, --output <file>` is known as `--output`. */
function nameOf(flags: string): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags;
}
