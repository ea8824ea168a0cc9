/**
 * Several models on one command line: what they are called, and how often each is asked.
 *
 * @module
 */
import { basename } from "node:path";
import { type Argument, type Option, texts, usage } from "./command.ts";
import { readRate } from "./rates.ts";

/** One model of a command that takes several. */
export interface ModelReference {
  /** No other model's; letters, digits, `_`, `-` and `.`. */
  readonly name: string;
  /** As commands take one model or profile. */
  readonly argument: string;
}

export const modelsArgument: Argument = {
  syntax: "<model|profile...>",
  summary:
    "a .profile.json, or a model, which is then profiled on this machine; several, each FILE or NAME=FILE, share the devices",
};

/** Beside `modelsArgument`. */
export const rateOption: Option<readonly string[]> = texts(
  "--rate <name=5/s>",
  "how often a model is asked, of several on the same devices",
);

const nameForm = /^[A-Za-z0-9_][\w.-]*$/;

/**
 * The models of a command line: `NAME=FILE`, or `FILE`, which is called as the file is without its
 * ending, and a network of the zoo by its own name.
 *
 * @throws USAGE_INVALID if two have one name, or one has none that can be a file's and a flag's
 */
export function readModels(written: readonly string[]): ModelReference[] {
  const models = written.map((text): ModelReference => {
    const named = /^([\w.-]+)=(.+)$/s.exec(text);
    const argument = named?.[2] ?? text;
    const name = named?.[1] ?? nameOf(argument);
    if (nameForm.test(name)) return { name, argument };
    throw usage(`"${name}" cannot name a model; write NAME=${argument}`);
  });
  const twice = models.find(({ name }, position) => {
    return models.findIndex((other) => other.name === name) !== position;
  });
  if (twice === undefined) return models;
  throw usage(
    `two models are called '${twice.name}'; give one of them another name: NAME=${twice.argument}`,
  );
}

function nameOf(argument: string): string {
  if (argument === "-") return "model";
  const zoo = /^zoo:([^?]*)/.exec(argument)?.[1];
  return zoo ?? basename(argument).replace(/(\.profile)?\.json$|\.onnx$/, "");
}

/**
 * What `NAME=VALUE` says of some of the models.
 *
 * @param flag for messages, such as `--rate`
 * @throws USAGE_INVALID if it names no model, or one twice
 */
export function readNamed(
  flag: string,
  written: readonly string[],
  models: readonly ModelReference[],
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const text of written) {
    const [, name = "", value = ""] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (value === "") throw usage(`${flag} wants NAME=VALUE, not "${text}"`);
    if (!models.some((model) => model.name === name)) {
      const known = models.map((model) => model.name).join(", ");
      throw usage(`${flag} names '${name}', which is none of the models (${known})`);
    }
    if (values.has(name)) throw usage(`${flag} is given twice for '${name}'; keep one`);
    values.set(name, value);
  }
  return values;
}

/**
 * What `VALUE` says of all models, and `NAME=VALUE` of one.
 *
 * @param flag for messages, such as `--max-batch`
 * @throws USAGE_INVALID as `readNamed`, or if all are spoken of twice
 */
export function readForEach(
  flag: string,
  written: readonly string[],
  models: readonly ModelReference[],
): ReadonlyMap<string, string> {
  const [common, second] = written.filter((text) => !text.includes("="));
  if (second !== undefined) throw usage(`${flag} is given twice for all models; keep one`);
  const named = readNamed(
    flag,
    written.filter((text) => text.includes("=")),
    models,
  );
  const values = models.map(({ name }) => [name, named.get(name) ?? common] as const);
  return new Map(values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/**
 * How often a second each of the models is asked that a rate is given for.
 *
 * @throws USAGE_INVALID
 */
export function readRates(
  written: readonly string[],
  models: readonly ModelReference[],
): ReadonlyMap<string, number> {
  const rates = [...readNamed("--rate", written, models)].map(([name, value]) => {
    return [name, readRate(value, "--rate NAME=RATE")] as const;
  });
  return new Map(rates);
}
