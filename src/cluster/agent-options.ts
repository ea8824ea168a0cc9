import type { Clock } from "../base/clock.ts";
import type { CodedError } from "../base/errors.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Transport } from "../transport/transport.ts";
import type { BlobDepot } from "./blob-depot.ts";
import type { BlobStore } from "./blob-store.ts";
import type { Failure, Report } from "./data-message.ts";
import type { DeviceResources } from "./device-resources.ts";
import type { RequestTrace } from "./gateway/request-trace.ts";
import type { DeviceKeys } from "./identity.ts";
import type { ProfileHost } from "./profiling.ts";
import { mostAddresses } from "./schema-terms.ts";

export interface AgentOptions {
  /** The device's name in the topology. */
  readonly name: string;
  /** Of this process, unlike that of any other. */
  readonly incarnation: string;
  /** Address of the coordinator. */
  readonly coordinator: string;
  readonly token: string;
  /** Of several that the coordinator runs. Default: the first. */
  readonly model?: string;
  readonly transport: Transport;
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** Where to accept data channels and clients. */
  readonly listen: string;
  /**
   * Where the others can dial what listens at an address; they race them. Default: that address
   * alone.
   */
  readonly addresses?: (listening: string) => readonly string[];
  readonly cores: number;
  /** What parts may use; `null`: not limited. */
  readonly memoryBytes: number | null;
  /** What tensors may use that are kept for replays. Default: a quarter of the memory, or 256 MiB. */
  readonly keptBytes?: number;
  /** What the standard benchmark took here; default: it was not run. */
  readonly benchmarkSeconds?: number | null;
  /** Processor seconds of this process so far, where the host tells them. */
  readonly processorSeconds?: () => number;
  /** Blobs that are here already; those that arrive are added. Default: none, in memory. */
  readonly blobs?: BlobStore;
  /** Where blobs are fetched before the coordinator is asked for them. Default: nowhere. */
  readonly depot?: Pick<BlobDepot, "fetch">;
  /**
   * What this device has, where several models run on it: made with this name, these cores, memory,
   * blobs and this runtime. Default: made for this one.
   */
  readonly resources?: DeviceResources;
  /** The device's key; `null` (the default): the transport needs none. */
  readonly keys?: DeviceKeys | null;
  /** Measures models on this machine. Default: this agent does not. */
  readonly profile?: ProfileHost;
  /** So long the coordinator must be away before the source goes on alone. Default: 1 s. */
  readonly orphanSeconds?: number;
  readonly onEvent?: (event: AgentEvent) => void;
  /**
   * For logs: how each request ended on this device, perhaps more than once; on the source also what
   * became of it.
   */
  readonly onTrace?: (trace: AgentTrace) => void;
}

/** Where the others can dial what listens at an address. */
export function dialableAt(
  listening: string,
  { addresses }: Pick<AgentOptions, "addresses">,
): readonly string[] {
  return addresses?.(listening).slice(0, mostAddresses) ?? [listening];
}

/** Of one request, by its number, which is the same everywhere. */
export type AgentTrace = { readonly device: string } & (Report | Failure | RequestTrace);

/** What happens to an agent, for people who watch. */
export type AgentEvent =
  | { readonly type: "joined"; readonly coordinator: string }
  /** The coordinator is away; the agent goes on and dials it again and again. */
  | { readonly type: "parted"; readonly error: CodedError }
  | {
      readonly type: "receiving";
      readonly generation: number;
      readonly parts: readonly string[];
      readonly blobs: number;
    }
  | { readonly type: "loaded"; readonly generation: number; readonly parts: readonly string[] }
  | { readonly type: "deployed"; readonly generation: number; readonly emulated: boolean }
  /** A generation cannot run here; the coordinator decides what follows. */
  | { readonly type: "failed"; readonly generation: number | null; readonly error: CodedError }
  /** On the source: requests go into this generation; `alone`: nobody told it to. */
  | { readonly type: "serving"; readonly generation: number; readonly alone: boolean }
  | { readonly type: "lost"; readonly device: string; readonly error: CodedError }
  | { readonly type: "reached"; readonly device: string }
  | { readonly type: "ended"; readonly error: CodedError | null };
