/**
 * Answers to files and to people.
 *
 * @module
 */
import { CodedError } from "../../base/errors.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import { writeWhole } from "../files.ts";
import type { Terminal } from "../terminal.ts";
import { writeNpz } from "./npz.ts";
import { numbersOf } from "./numbers.ts";

/** The answer to one request. */
export interface Answer {
  /** The file that the request came from. */
  readonly name: string;
  readonly outputs: TensorValues;
}

/**
 * Writes answers as `.npz` (arrays `OUTPUT`, or `FILE/OUTPUT` for several requests,
 * `FILE-2/OUTPUT` where a name comes again) or as `.json`.
 *
 * @throws FILE_WRITE_FAILED, USAGE_INVALID if the ending is another
 */
export async function writeAnswers(
  path: string,
  answers: readonly Answer[],
  terminal: Terminal,
): Promise<void> {
  checkAnswerPath(path);
  if (path.endsWith(".npz")) {
    const names = uniqueNames(answers);
    const arrays = answers.flatMap(({ outputs }, position) =>
      Object.entries(outputs).map(([output, value]) => [
        answers.length === 1 ? output : `${names[position]}/${output}`,
        value,
      ]),
    ) as [string, TensorValue][];
    await writeWhole(path, writeNpz(Object.fromEntries(arrays)), terminal);
    return;
  }
  const written = answers.map(({ name, outputs }) => ({ input: name, outputs: asJson(outputs) }));
  await writeWhole(path, `${JSON.stringify(written)}\n`, terminal);
}

/** Files of several folders, or sent several times, may have one name: all but the first get a number. */
function uniqueNames(answers: readonly Answer[]): string[] {
  const taken = new Set(answers.map(({ name }) => name));
  const last = new Map<string, number>();
  return answers.map(({ name }) => {
    const before = last.get(name);
    if (before === undefined) {
      last.set(name, 1);
      return name;
    }
    let count = before + 1;
    while (taken.has(`${name}-${count}`)) count++;
    last.set(name, count);
    return `${name}-${count}`;
  });
}

/** Refuses before anything runs what could not be written after. @throws USAGE_INVALID */
export function checkAnswerPath(path: string): void {
  if (path === "-" || path.endsWith(".npz") || path.endsWith(".json")) return;
  throw new CodedError("USAGE_INVALID", `answers are written as .npz or .json, not as "${path}"`);
}

/** Outputs with their elements as numbers. */
export function asJson(outputs: TensorValues): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [
      name,
      { dataType: value.dataType, shape: value.shape, values: numbersOf(value) },
    ]),
  );
}

/** The classes with the largest scores of the first output, best first. */
export function bestClasses(
  outputs: TensorValues,
  labels: readonly string[],
  count: number,
): { label: string; score: number }[] {
  const [first] = Object.values(outputs);
  if (first === undefined) return [];
  const scores = numbersOf(first).slice(0, first.shape.at(-1) ?? 1);
  return scores
    .map((score, position) => ({ label: labels[position] ?? `class ${position}`, score }))
    .sort((a, b) => b.score - a.score)
    .slice(0, count);
}

/** One label a line. */
export function readLabels(text: string): string[] {
  return text.replace(/\n$/, "").split(/\r?\n/);
}
