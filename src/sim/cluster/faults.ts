import { seconds } from "../../base/units.ts";
import type { VirtualClock } from "../../base/virtual-clock.ts";
import type { LinkSpeed } from "../network/wire.ts";
import type { Network } from "../network.ts";
import type { Hosts } from "./hosts.ts";
import { type Fault, visitor } from "./schedule.ts";
import type { Setting } from "./setting.ts";

export interface Stage {
  readonly hosts: Hosts;
  readonly network: Network;
  readonly clock: VirtualClock;
  /** What links are when nothing slows them. */
  readonly link: LinkSpeed;
  readonly setting: Setting;
  readonly log: (host: string, what: unknown) => void;
}

/** Waits for its time, lets a fault happen, and ends it. */
export async function applyFault(fault: Fault, stage: Stage): Promise<void> {
  const { clock, log } = stage;
  await clock.sleep(seconds(fault.atSeconds));
  log("fault", fault);
  const undo = begin(fault, stage);
  await clock.sleep(seconds(fault.seconds));
  log("fault over", fault);
  await undo();
}

/** @returns what ends it */
function begin(fault: Fault, { hosts, network, link, setting }: Stage): () => void | Promise<void> {
  switch (fault.type) {
    case "crash":
      hosts.crash(fault.host, fault.how, fault.wiped);
      return () => hosts.start(fault.host);
    case "pause":
      network.pause(fault.host, fault.clock);
      return () => network.resume(fault.host, fault.first);
    case "cut": {
      const pairs = fault.hosts.flatMap((host) =>
        fault.others.flatMap((other) =>
          fault.oneWay ? [[host, other]] : [[host, other] as const, [other, host] as const],
        ),
      ) as (readonly [string, string])[];
      for (const [from, to] of pairs) network.cut(from, to, fault.how);
      return () => {
        for (const [from, to] of pairs) network.heal(from, to);
      };
    }
    case "slow": {
      const devices = setting.names;
      const others = [...devices, "coordinator", visitor];
      const shape = (speed: LinkSpeed) => {
        for (const other of others.filter((name) => name !== fault.host)) {
          network.shape(fault.host, other, speed);
          network.shape(other, fault.host, speed);
        }
      };
      shape(fault);
      return () => shape(link);
    }
    case "hide":
      network.hide(fault.host, fault.how);
      return () => network.hide(fault.host, setting.isHidden(fault.host) ? "swallowed" : null);
    case "refuse":
      hosts.refuse(fault.host);
      return () => undefined;
    case "adopt":
      hosts.adopt(fault.seed, fault.replay);
      return () => undefined;
    default:
      return fault satisfies never;
  }
}
