/**
 * Where a command writes: results to standard output, everything else to standard error.
 *
 * @module
 */
import type { Readable, Writable } from "node:stream";
import { createColors } from "picocolors";
import type { NatsCredentials } from "../nats/connection.node.ts";
import { harmless, harmlessJson } from "./harmless.ts";

type Colours = ReturnType<typeof createColors>;

export interface Terminal {
  /** Whether results are for machines: one JSON document, no tables. */
  readonly json: boolean;
  /** Whether somebody watches standard error, so that progress is worth drawing. */
  readonly watched: boolean;
  /** The user's cache folder for what can be made again. */
  readonly cacheFolder: string;
  /** The user's folder for what must outlive processes: keys and journals. */
  readonly stateFolder: string;
  /** The cluster's token, if the environment names one. */
  readonly token: string | undefined;
  /** The environment, for the variables of OpenTelemetry: their names begin with `OTEL_`. */
  readonly telemetry: Readonly<Record<string, string | undefined>>;
  /** How NATS servers let this process in, if the environment says it. */
  readonly nats: NatsCredentials;
  /** How this program was called, for commands that are to be copied. */
  readonly program: string;
  readonly colours: Colours;
  readonly input: Readable;
  readonly output: Writable;
  readonly errors: Writable;
  /** A line of the result. */
  line(text?: string): void;
  /** The result for machines, as one JSON document. */
  document(value: unknown): void;
  /** A remark that is no part of the result. */
  note(text: string): void;
  /** Runs something that blocks the thread, such that an interrupt ends the process at once. */
  blocking<T>(work: () => T): T;
}

export interface Setting {
  readonly json: boolean;
  readonly input: Readable;
  readonly output: Writable & { readonly isTTY?: boolean };
  readonly errors: Writable & { readonly isTTY?: boolean };
  /** By the conventions NO_COLOR and FORCE_COLOR. */
  readonly colour: "never" | "always" | "terminal";
  readonly cacheFolder: string;
  readonly stateFolder: string;
  readonly token?: string | undefined;
  /** Default: no variables. */
  readonly telemetry?: Readonly<Record<string, string | undefined>>;
  readonly nats?: NatsCredentials;
  /** Default: `partita`. */
  readonly program?: string;
  readonly blocking: <T>(work: () => T) => T;
}

export function createTerminal(setting: Setting): Terminal {
  const { json, input, output, errors, colour, cacheFolder, stateFolder, token, blocking } =
    setting;
  const { telemetry = {}, nats = {}, program = "partita" } = setting;
  const colours = createColors(
    !json && (colour === "always" || (colour === "terminal" && output.isTTY === true)),
  );
  return {
    json,
    watched: errors.isTTY === true && !json,
    cacheFolder,
    stateFolder,
    token,
    telemetry,
    nats,
    program,
    colours,
    input,
    output,
    errors,
    line: (text = "") => {
      output.write(`${harmless(text)}\n`);
    },
    document: (value) => {
      output.write(`${harmlessJson(value, 2)}\n`);
    },
    note: (text) => {
      errors.write(`${harmless(text)}\n`);
    },
    blocking,
  };
}
