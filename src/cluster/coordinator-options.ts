import type { Clock } from "../base/clock.ts";
import type { Topology } from "../cost/topology.ts";
import type { Graph } from "../graph/graph.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { OpenType } from "../onnx/type-proto.ts";
import type { Plan } from "../plan/plan.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { Transport } from "../transport/transport.ts";
import type { BlobDepot } from "./blob-depot.ts";
import type { Measured } from "./control-message.ts";
import type { CertificateAuthority, KnownDevices } from "./identity.ts";
import type { JournalStore } from "./journal.ts";
import type { PartCutter } from "./parts.ts";
import type { ClusterEvent } from "./status.ts";

/**
 * Plans anew, for what is left of a topology; the same objective and limits. Must not hold up the
 * thread that it is called on for long: heartbeats are sent from there.
 *
 * @param signal aborts when nobody waits for the plan any more
 */
export type Replan = (
  topology: Topology,
  signal: AbortSignal,
) => Promise<Plan | { readonly infeasible: string }>;

export interface CoordinatorOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Where agents, clients and watchers dial. */
  readonly listen: string;
  /** Whoever dials must show it. */
  readonly token: string;
  /** What is to run first. */
  readonly plan: Plan;
  /** The graph of `model`, as it was planned. */
  readonly graph: Graph;
  readonly topology: Topology;
  /** Optimised already; it is cut as it is. */
  readonly model: OnnxModel;
  /** Of all tensors that may cross from part to part; open dimensions stay open. */
  readonly types: ReadonlyMap<string, OpenType>;
  /** Graph outputs that depend on no input: they are added to every answer. Default: none. */
  readonly constantOutputs?: TensorValues;
  /** The runtime that the plan was made for, with its version. */
  readonly runtime: string;
  /** Whether agents with other runtimes may join; answers may then differ in bits. Default: no. */
  readonly mixed?: boolean;
  /** Whether devices and links behave as slow as the topology says. Default: no. */
  readonly emulate?: boolean;
  /** Bytes of a device that other models take, of which it may change how many. Default: 0. */
  readonly takenBytes?: (device: string) => number;
  /**
   * Most requests in flight. Default: latency ÷ period + stages + hops of the plan, at most 128, or
   * 2 × stages + 2 if that is more; and no more than the devices' memory holds.
   */
  readonly window?: number;
  /** How long to wait for the agents of the first plan; `null`: for ever. Default: 30 s. */
  readonly joinSeconds?: number | null;
  /** After a start with a journal, how long agents may take to come back. Default: 3 s. */
  readonly rejoinSeconds?: number;
  /** Default: 0.5 s. */
  readonly heartbeatSeconds?: number;
  /** A device that misses more heartbeats than this is lost. Default: 10. */
  readonly missedHeartbeats?: number;
  /** Default: none: after a loss only plans that are known can be gone over to. */
  readonly replan?: Replan;
  /** Whether to plan for losses in advance. Default: where there is `replan`. */
  readonly fallbacks?: boolean;
  /** Whether the source alone takes over when it has lost everybody. Default: as `fallbacks`. */
  readonly standby?: boolean;
  /** Default: none: a coordinator that starts again knows nothing. */
  readonly journal?: JournalStore;
  /** Where blobs are put before they are offered to agents, which fetch them there. Default: nowhere. */
  readonly depot?: Pick<BlobDepot, "stock">;
  /** Cuts `model`; one that has cut the plan before is quicker. Default: a new one. */
  readonly cutter?: PartCutter;
  /** Which key each device's name belongs to, beside what the journal says. Default: not known yet. */
  readonly known?: KnownDevices;
  /** Certifies agents' keys. Default: none, without TLS. */
  readonly authority?: CertificateAuthority | null;
  /** Seconds since 1970, for whoever compares calendars. Default: unknown. */
  readonly calendar?: () => number;
  /** What the standard benchmark took where each device's kind was profiled, in seconds. */
  readonly benchmarks?: Readonly<Record<string, number>>;
  readonly onEvent?: (event: ClusterEvent) => void;
  /** Called with what the gateway measured, each heartbeat. */
  readonly onMeasured?: (measured: Measured["body"]) => void;
  /** Called when a device has said that tensors are on their way from it. */
  readonly onPending?: (device: string) => void;
  /** Called when there is more or less to plan with, while a plan serves that is not the loss's. */
  readonly onWorld?: (world: Topology) => void;
}
