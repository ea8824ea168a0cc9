/**
 * What a coordinator must not forget when it is killed: which generations there are, and with which
 * plans.
 *
 * @module
 */
import { z } from "zod";
import { CodedError, isCoded, messageOf } from "../base/errors.ts";
import { type Plan, planSchema } from "../plan/plan.ts";
import { KnownDevices } from "./identity.ts";
import { sha256Hex } from "./secret.ts";

/** Where the journal is kept. `save` replaces it as a whole or not at all. */
export interface JournalStore {
  /** Where it is, for whoever has to look at it: a path. */
  readonly place?: string;
  /** What the cluster's token is known by in it, where others read it. Default: the token's SHA-256. */
  readonly tokenMark?: string;
  /** `null`: there is none yet. @throws FILE_NOT_FOUND, ENGINE_UNAVAILABLE if it cannot be read */
  load(): Promise<string | null>;
  /** @throws FILE_WRITE_FAILED; where it is kept by an engine ENGINE_UNAVAILABLE, LEADERSHIP_LOST */
  save(text: string): Promise<void>;
}

export interface Journal {
  readonly format: "partita.journal/2";
  readonly graphSha256: string;
  /** Says which token: a coordinator with another one would be found by no agent. */
  readonly tokenMark: string;
  readonly lastGeneration: number;
  /** Whether anything has served yet. */
  readonly started: boolean;
  readonly generations: readonly JournalEntry[];
  /** Which key a device's name belongs to, where there are keys. */
  readonly devices: Readonly<
    Record<string, { readonly keyFingerprint: string; readonly address: string }>
  >;
}

export interface JournalEntry {
  readonly generation: number;
  readonly standby: boolean;
  readonly cause: string;
  readonly plan: Plan;
}

const format = "partita.journal/2";

const schema: z.ZodType<Journal> = z.strictObject({
  format: z.literal(format),
  graphSha256: z.string(),
  tokenMark: z.string(),
  lastGeneration: z.int().nonnegative(),
  started: z.boolean(),
  generations: z.array(
    z.strictObject({
      generation: z.int().positive(),
      standby: z.boolean(),
      cause: z.string(),
      plan: planSchema,
    }),
  ),
  devices: z.record(
    z.string(),
    z.strictObject({ keyFingerprint: z.string(), address: z.string() }),
  ),
});

/** What a token is known by in a coordinator's journal. */
export function tokenMarkOf({
  token,
  journal,
}: {
  readonly token: string;
  readonly journal?: Pick<JournalStore, "tokenMark">;
}): string {
  return journal?.tokenMark ?? sha256Hex(new TextEncoder().encode(token));
}

/**
 * The journal of an earlier run of this coordinator; `null`: there is none.
 *
 * @throws USAGE_INVALID if it is of another model or another token, or cannot be read
 */
export async function loadJournal(
  store: JournalStore,
  expected: Pick<Journal, "graphSha256" | "tokenMark">,
): Promise<Journal | null> {
  const text = await store.load();
  if (text === null) return null;
  const journal = parse(text, store);
  // Of a cluster that was shut down only its numbers and names are left.
  if (!journal.started) return journal;
  if (journal.graphSha256 !== expected.graphSha256) {
    throw unusable(
      store,
      `is of another model (graph SHA-256 ${journal.graphSha256}, here ${expected.graphSha256})`,
    );
  }
  if (journal.tokenMark !== expected.tokenMark) {
    throw unusable(store, "is of a cluster with another token, and its agents would not be let in");
  }
  return journal;
}

/**
 * After an orderly end: nothing of the cluster runs any more, so that the next start begins with a
 * plan of its own, of another model perhaps. Numbers of generations and keys of devices are kept.
 *
 * @throws USAGE_INVALID if it cannot be read
 */
export async function concludeJournal(store: JournalStore): Promise<void> {
  const text = await store.load();
  if (text === null) return;
  await store.save(formatJournal({ ...parse(text, store), started: false, generations: [] }));
}

/**
 * Frees the name of a device: the next key that joins under it is let in.
 *
 * @throws USAGE_INVALID if the name has none, or the journal cannot be read
 */
export async function forgetDevice(store: JournalStore, device: string): Promise<void> {
  const text = await store.load();
  const journal = text === null ? null : parse(text, store);
  const known = new KnownDevices(journal?.devices);
  if (journal === null || !known.forget(device)) {
    const names = Object.keys(known.toJSON()).join(", ") || "none";
    throw new CodedError(
      "USAGE_INVALID",
      `no key is known of a device '${device}' (known: ${names}); is it the right state folder?`,
      { device },
    );
  }
  await store.save(formatJournal({ ...journal, devices: known.toJSON() }));
}

/** As `forgetDevice`. @returns whether the name was taken there */
export async function isForgotten(store: JournalStore, device: string): Promise<boolean> {
  try {
    await forgetDevice(store, device);
    return true;
  } catch (error) {
    if (isCoded(error) && error.code === "USAGE_INVALID") return false;
    throw error;
  }
}

export function formatJournal(journal: Journal): string {
  return `${JSON.stringify(journal)}\n`;
}

function parse(text: string, store: JournalStore): Journal {
  try {
    const document: unknown = JSON.parse(text);
    const stated = formatOf(document);
    if (stated !== null && stated !== format) {
      throw unusable(
        store,
        `was written by another version of Partita (format '${stated}', this one reads '${format}')`,
      );
    }
    return schema.parse(document);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw unusable(store, `cannot be read (${messageOf(error)})`, error);
  }
}

/** `null`: it is no document of this project. */
function formatOf(document: unknown): string | null {
  const { success, data } = z.object({ format: z.string() }).safeParse(document);
  return success ? data.format : null;
}

/** Why a coordinator does not start with the journal that it finds. */
export function unusable({ place }: JournalStore, what: string, cause?: unknown): CodedError {
  const named = place === undefined ? "" : ` ${place}`;
  return new CodedError(
    "USAGE_INVALID",
    `the coordinator's journal${named} ${what}; remove it if nothing of that cluster runs any more, or keep this one's state elsewhere (--state)`,
    place === undefined ? {} : { path: place },
    cause,
  );
}
