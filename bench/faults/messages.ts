import type { AgentEvent } from "../../dist/cluster/agent-options.js";
import type { ClusterEvent } from "../../dist/cluster/status.js";
import type { Choices, DeviceName } from "./setting.js";

/** How often devices are heard, and how often they may not be. */
export interface Liveness {
  readonly heartbeatSeconds: number;
  readonly missedHeartbeats: number;
}

/** What a process is to be, on its command line. */
export type Role =
  | {
      readonly type: "coordinator";
      readonly choices: Choices;
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

/** A plan in figures. */
export interface Served {
  readonly devices: readonly string[];
  readonly periodSeconds: number;
}

/** What a process says. */
export type Said =
  | { readonly type: "listening"; readonly address: string }
  | { readonly type: "agent"; readonly event: Pick<AgentEvent, "type"> & { readonly text: string } }
  | { readonly type: "cluster"; readonly event: ClusterEvent }
  | { readonly type: "serves"; readonly generation: number; readonly served: Served };
