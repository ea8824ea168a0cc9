import { z } from "zod";
import { CodedError } from "../../base/errors.ts";
import type { Parameters } from "./parameters.ts";

/** Of requests, inputs and outputs. */
export const parametersSchema: z.ZodType<Parameters> = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean()]),
);

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
