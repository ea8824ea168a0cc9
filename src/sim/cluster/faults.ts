import { seconds } from "../../base/units.ts";
import type { VirtualClock } from "../../base/virtual-clock.ts";
import type { LinkSpeed } from "../network/wire.ts";
import type { Network } from "../network.ts";
import type { Hosts } from "./hosts.ts";
import { type Fault, visitor } from "./schedule.ts";
import type { Settings } from "./setting.ts";
import type { Tenant } from "./tenant.ts";

export interface Stage {
  readonly hosts: Hosts;
  readonly network: Network;
  readonly clock: VirtualClock;
  /** What links are when nothing slows them. */
  readonly link: LinkSpeed;
  readonly settings: Settings;
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
function begin(
  fault: Fault,
  { hosts, network, link, settings }: Stage,
): () => void | Promise<void> {
  const { names, isHidden } = settings[0];
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
      const others = [...names, "coordinator", visitor];
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
      return () => network.hide(fault.host, isHidden(fault.host) ? "swallowed" : null);
    case "refuse":
      hosts.refuse(fault.host);
      return () => undefined;
    case "adopt":
      hosts.coordinator.adopt(tenantOf(fault, hosts), fault.seed, fault.replay);
      return () => undefined;
    case "sever": {
      const { key } = tenantOf(fault, hosts);
      network.sever(fault.host, ({ type, model }) => type !== "open" && model === key);
      return () => undefined;
    }
    case "unload": {
      const tenant = tenantOf(fault, hosts);
      hosts.coordinator.unload(tenant);
      return () => hosts.coordinator.load(tenant);
    }
    default:
      return fault satisfies never;
  }
}

function tenantOf({ model }: { readonly model: number }, { tenants }: Hosts): Tenant {
  const tenant = tenants[model];
  if (tenant === undefined) throw new Error(`there is no model ${model}`);
  return tenant;
}
