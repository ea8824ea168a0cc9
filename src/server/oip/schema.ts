import { z } from "zod";
import { CodedError } from "../../base/errors.ts";
import type { Parameters } from "./parameters.ts";

/** Of anything: each element that is wrong would be described, at a hundred times its size. */
export const listSchema: z.ZodType<readonly unknown[]> = z.custom<readonly unknown[]>(
  Array.isArray,
  "expected a list",
);

/** Of requests, inputs and outputs; likewise told wrong as a whole. */
export const parametersSchema: z.ZodType<Parameters> = z.custom<Parameters>(
  isParameters,
  "expected an object of texts, numbers and truth values",
);

function isParameters(value: unknown): boolean {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject && Object.values(value).every((one) => simple.has(typeof one));
}

const simple: ReadonlySet<string> = new Set(["string", "number", "boolean"]);

/** How many things that are wrong are told at once. */
const mostProblems = 3;

/** @throws REQUEST_INVALID, naming the path of what is wrong */
export function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.slice(0, mostProblems).map(({ path, message }) => {
    const where = path.length === 0 ? "the request" : path.map(String).join(".").slice(0, 200);
    return `${where}: ${message}`;
  });
  throw new CodedError("REQUEST_INVALID", problems.join("; "), { problems });
}
