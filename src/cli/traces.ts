import type { Topology } from "../cost/topology.ts";
import { mergeTraces, readTrace, type Trace } from "../cost/trace.ts";
import { readText, shownName } from "./files.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Reads the files of `--trace` and joins them; no file: nothing ever changes.
 *
 * @throws TRACE_INVALID, FILE_NOT_FOUND
 */
export async function readTraces(
  files: readonly string[],
  topology: Topology,
  terminal: Terminal,
): Promise<Trace> {
  const traces: Trace[] = [];
  for (const path of files) {
    traces.push(readTrace(await readText(path, terminal), topology, shownName(path)));
  }
  return mergeTraces(traces, topology);
}
