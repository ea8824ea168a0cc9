import type { TensorSignature } from "../../runtime/runtime.ts";
import { sampleInputs } from "../../runtime/sample-inputs.ts";
import type { Terminal } from "../terminal.ts";
import { type InputFile, listInputs, readInput } from "./inputs.ts";
import type { Preprocessing } from "./preprocessing.ts";

export interface Wanted {
  /** Files and folders. */
  readonly files: readonly string[];
  /** So many requests with random values behind them. */
  readonly seeds: number;
  readonly preprocessing?: Preprocessing | undefined;
  readonly terminal: Terminal;
}

/**
 * The requests that files and seeds stand for.
 *
 * @param inputs what the model takes
 * @throws as `readInput`
 */
export async function collectRequests(
  inputs: readonly TensorSignature[],
  { files, seeds, preprocessing, terminal }: Wanted,
): Promise<InputFile[]> {
  const requests: InputFile[] = [];
  for (const path of await listInputs(files)) {
    requests.push(await readInput(path, inputs, preprocessing, terminal));
  }
  const random = Array.from({ length: seeds }, (_, position) => ({
    name: `seed ${position + 1}`,
    // Made when it is sent: thousands of pictures would not fit into memory.
    get values() {
      return sampleInputs(inputs, position + 1);
    },
  }));
  return [...requests, ...random];
}
