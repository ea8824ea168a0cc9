/** What `explain` finds. Printing it is somebody else's.
 *
 * @module
 */

export interface Explanation {
  /** The plan's objective by `evaluate`: seconds or joules. */
  readonly value: number;
  readonly devices: readonly DeviceExplanation[];
  readonly sensitivities: readonly Sensitivity[];
  /** Problems that were solved for this. */
  readonly solves: number;
}

export interface DeviceExplanation {
  readonly device: string;
  readonly isUsed: boolean;
  readonly nodes: number;
  /** What the device computes, 0 if it is not used. */
  readonly computeSeconds: number;
  /** The best objective if the device did the opposite: ran nothing if it is used, else at least one node. */
  readonly opposite: Alternative;
}

/** Another plan, or why there is none. */
export type Alternative =
  | {
      readonly type: "plan";
      readonly value: number;
      /** The value ÷ the plan's own. */
      readonly ratio: number;
      readonly devicesUsed: readonly string[];
      /** Whether nothing better is possible under that condition. */
      readonly isOptimal: boolean;
    }
  | { readonly type: "none"; readonly reason: string }
  | { readonly type: "unknown"; readonly reason: string };

/** One figure of the topology that may move: the bandwidth of a link or the speed of a device. */
export type Figure =
  | { readonly type: "bandwidth"; readonly from: string; readonly to: string }
  | { readonly type: "speed"; readonly device: string };

export interface Sensitivity {
  readonly figure: Figure;
  readonly down: Threshold;
  readonly up: Threshold;
}

/** When the best placement changes as one figure is multiplied by a growing or shrinking factor. */
export type Threshold =
  | {
      readonly type: "changes";
      /** Relative accuracy 1 %; the plan still is the best a little closer to 1. */
      readonly factor: number;
      readonly devicesUsed: readonly string[];
      /** Nodes that move to another device. */
      readonly movedNodes: number;
      /** Nodes that the same devices run together, cut elsewhere. Left out: none. */
      readonly recutNodes?: number;
    }
  /** Not within a factor of 16. */
  | { readonly type: "never" }
  | { readonly type: "unknown"; readonly reason: string };

export interface ExplainBudget {
  /** The most problems to solve; what is left when they are used up is `unknown`. */
  readonly solves: number;
  /** The most steps of the planner for each; a problem that needs more counts as unknown. */
  readonly stepsPerSolve: number;
}
