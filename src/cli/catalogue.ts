import type { Command } from "./command.ts";

interface Entry {
  /** Repeated here, so that the list of commands is shown without loading them. */
  readonly summary: string;
  load(): Promise<Command>;
}

/** All commands, in the order in which a user meets them. */
export const catalogue: Readonly<Record<string, Entry>> = {
  zoo: {
    summary: "write a standard network of the field as an ONNX model",
    load: async () => (await import("./commands/zoo.ts")).zoo,
  },
  inspect: {
    summary: "show what is in a model, and where a cut is worth anything",
    load: async () => (await import("./commands/inspect.ts")).inspect,
  },
};
