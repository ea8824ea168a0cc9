import type { AgentEvent } from "../../dist/cluster/agent-options.js";
import type { ClusterEvent } from "../../dist/cluster/status.js";
import type { DeviceName } from "./setting.js";

/** How often devices are heard, and how often they may not be. */
export interface Liveness {
  readonly heartbeatSeconds: number;
  readonly missedHeartbeats: number;
}

/** What a process is to be, on its command line. */
export type Role =
  | {
      readonly type: "coordinator";
      /** Where the answers are wanted. */
      readonly sink: DeviceName;
      readonly liveness: Liveness;
      readonly journal: string;
    }
  | {
      readonly type: "agent";
      readonly name: DeviceName;
      /** Of this start. */
      readonly incarnation: string;
      readonly coordinator: string;
      /** What the others dial instead of where it listens. */
      readonly advertised: string;
    };

/** A plan in short. */
export interface Served {
  /** Of its stages, in order. */
  readonly devices: readonly string[];
  /** Which channels its tensors take. */
  readonly hops: readonly { readonly from: string; readonly to: string }[];
  readonly periodSeconds: number;
}

/** How a coordinator sees the cluster. */
export interface Sight {
  readonly joined: readonly string[];
  readonly serving: number | null;
  /** The plan needs every device, and all that is planned for is ready. */
  readonly isAtRest: boolean;
}

/** What a process says. */
export type Said =
  | { readonly type: "listening"; readonly address: string }
  | { readonly type: "agent"; readonly event: Pick<AgentEvent, "type"> & { readonly text: string } }
  | { readonly type: "cluster"; readonly event: ClusterEvent }
  | { readonly type: "sees"; readonly sight: Sight }
  | { readonly type: "serves"; readonly generation: number; readonly served: Served };
