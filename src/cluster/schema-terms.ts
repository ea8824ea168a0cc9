/**
 * What the schemas of messages are made of: sizes are limited, since anybody may send anything.
 *
 * @module
 */
import { z } from "zod";
import { type ErrorCode, errorTraits } from "../base/errors.ts";
import type { WireError } from "./wire-error.ts";

/** A schema for each type of message in `M`. */
export type Schemas<M extends { readonly type: string }> = {
  readonly [T in M["type"]]: z.ZodType<Extract<M, { readonly type: T }>>;
};

/** So many entries a list may have. */
export const mostEntries: number = 1 << 16;
const longestName = 1024;
/** Characters of a message for people. */
export const longestText: number = 1 << 16;
/** A machine with many bridges has many addresses; all of them are dialled at once. */
export const mostAddresses: number = 32;
/** Of one coordinator. */
export const mostModels: number = 256;

export const name: z.ZodString = z.string().min(1).max(longestName);
export const text: z.ZodString = z.string().max(longestText);
export const secret: z.ZodString = z.string().max(longestName);
export const count: z.ZodInt = z.int().nonnegative();
/** Seconds, bytes on average, anything that is measured. */
export const amount: z.ZodNumber = z.number().nonnegative();
export const positive: z.ZodNumber = z.number().positive();
export const sha256: z.ZodString = z.string().regex(/^[0-9a-f]{64}$/);
export const addresses: z.ZodArray<z.ZodString> = z.array(name).max(mostAddresses);

/** What every first message says, see `Greeting`. */
export const greeting: {
  readonly protocol: typeof count;
  readonly token: typeof secret;
  readonly model: z.ZodExactOptional<typeof name>;
} = { protocol: count, token: secret, model: name.exactOptional() };

const errorCodes = Object.keys(errorTraits) as [ErrorCode, ...ErrorCode[]];
export const error: z.ZodType<WireError> = z.strictObject({
  code: z.enum(errorCodes),
  message: text,
  details: z.record(z.string(), z.unknown()),
});

export function list<T>(item: z.ZodType<T>): z.ZodType<T[]> {
  return z.array(item).max(mostEntries);
}
