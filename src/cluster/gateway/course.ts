import type { TensorValues } from "../../runtime/runtime.ts";
import type { GatewayDeployment } from "../control-message.ts";
import type { Begin } from "../data-message.ts";
import type { DeviceDeployment } from "../deployment.ts";
import { resumePlan } from "../resume.ts";
import type { KeptTensors } from "./recalling.ts";

/** A generation that requests may go into. */
export interface Known {
  readonly generation: number;
  readonly gateway: GatewayDeployment;
  /** Graph outputs that depend on no input. */
  readonly constants: TensorValues;
  readonly devices: ReadonlyMap<string, DeviceDeployment>;
  /** Whether it has served and has not drained since. */
  isUsed: boolean;
}

/** What a request needs in order to go through a generation. */
export interface Course {
  /** Who is to be told, and what. */
  readonly begins: ReadonlyMap<string, Begin>;
  /** Graph inputs that enter. */
  readonly entering: readonly string[];
  /** Who has something to do, and says when it is done. */
  readonly reporters: readonly string[];
}

/**
 * All of the way, or the rest of it where devices keep something. Only devices that have something to
 * do are told, and report.
 */
export function courseOf(known: Known, request: number, kept: KeptTensors | undefined): Course {
  const { generation, gateway, devices } = known;
  const begin = { type: "begin", generation, request } as const;
  if (kept === undefined || ![...kept.values()].some(({ size }) => size > 0)) {
    const starters = [...devices].filter(([, { stages }]) =>
      stages.some(({ inputs }) => inputs.length === 0),
    );
    return {
      begins: new Map(starters.map(([device]) => [device, { ...begin, resume: null }])),
      entering: gateway.deployment.entering,
      reporters: [...devices].filter(([, device]) => hasWork(device)).map(([name]) => name),
    };
  }
  const plan = resumePlan(gateway.deployment, kept);
  return {
    begins: new Map([...plan.devices].map(([device, resume]) => [device, { ...begin, resume }])),
    entering: plan.entering,
    reporters: [...plan.devices.keys()],
  };
}

/** The source has none where it only takes requests in. */
function hasWork({ stages, forwards, answers }: DeviceDeployment): boolean {
  return stages.length + forwards.length + answers.length > 0;
}
