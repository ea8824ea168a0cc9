import type { Clock } from "../base/clock.ts";
import type { CodedError } from "../base/errors.ts";
import type { Topology } from "../cost/topology.ts";
import type { Graph } from "../graph/graph.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { OpenType } from "../onnx/type-proto.ts";
import type { Plan } from "../plan/plan.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { Transport } from "../transport/transport.ts";
import type { DeviceStatus } from "./coordination.ts";

export interface CoordinatorOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Where agents and clients dial. */
  readonly listen: string;
  /** Whoever dials must show it. */
  readonly token: string;
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
  /**
   * Most requests in flight. Default: latency ÷ period + stages + hops of the plan, at most 128, or
   * 2 × stages + 2 if that is more.
   */
  readonly window?: number;
  /** How long to wait for agents. Default: 30 s. */
  readonly joinSeconds?: number;
  /** Default: 0.5 s. */
  readonly heartbeatSeconds?: number;
  /** A device that misses more heartbeats than this is lost. Default: 10. */
  readonly missedHeartbeats?: number;
  readonly onEvent?: (event: CoordinatorEvent) => void;
}

/** What happens in a cluster, for people who watch. */
export type CoordinatorEvent =
  | {
      readonly type: "joined";
      readonly device: string;
      readonly runtime: string;
      readonly cores: number;
      readonly memoryBytes: number | null;
    }
  | { readonly type: "sending"; readonly device: string; readonly bytes: number }
  | { readonly type: "loaded" | "deployed"; readonly device: string }
  | { readonly type: "running"; readonly generation: number; readonly emulated: boolean }
  | { readonly type: "ended"; readonly error: CodedError | null };

/** What the coordinator knows of a device. */
export interface DeviceReport {
  readonly device: string;
  readonly needed: boolean;
  readonly status: DeviceStatus;
  /** Requests that it held something of at its last heartbeat, and the most it ever held. */
  readonly requests: number;
  readonly peakRequests: number;
}
