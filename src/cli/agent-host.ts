import type { AgentOptions } from "../cluster/agent-options.ts";
import { readHostLimits } from "./host-limits.ts";
import { openBlobStore } from "./kept-blobs.ts";
import { profileInChild } from "./profile-child.ts";
import { runStandardBenchmark } from "./standard-benchmark.ts";
import type { Terminal } from "./terminal.ts";

export interface HostChoices {
  /** What parts may use; left out: what this process may. */
  readonly memoryBytes: number | undefined;
  /** What kept weights may take on disk. */
  readonly cacheBytes: number | undefined;
}

type HostOffer = Required<Pick<AgentOptions, "cores" | "memoryBytes" | "benchmarkSeconds">> &
  Pick<AgentOptions, "blobs" | "profile">;

/**
 * What this machine offers to the cluster that it joins.
 *
 * @throws FILE_WRITE_FAILED if weights cannot be kept here; RUNTIME_FAILED if the runtime does not work
 */
export async function offerMachine(choices: HostChoices, terminal: Terminal): Promise<HostOffer> {
  const { cores, memoryBytes } = readHostLimits();
  return {
    cores,
    memoryBytes: choices.memoryBytes ?? memoryBytes,
    blobs: await openBlobStore(terminal, choices.cacheBytes),
    benchmarkSeconds: await runStandardBenchmark(),
    profile: profileInChild,
  };
}

/**
 * What one of several agents of one command on this machine offers. It keeps nothing on disk, where
 * the model is anyhow, and measures no speed while all of them start, since speeds are imitated.
 */
export function offerProcess(choices: HostChoices): HostOffer {
  const { cores } = readHostLimits();
  return { cores, memoryBytes: choices.memoryBytes ?? null, benchmarkSeconds: null };
}
