import type { Topology } from "../../cost/topology.ts";
import { type Fault, visitor } from "./schedule.ts";

/** What a fault is, in words, so that those of a kind can be counted. */
export function nameFault(fault: Fault, topology: Topology): string {
  switch (fault.type) {
    case "crash": {
      const what = fault.how === "killed" ? "is killed" : "loses power";
      return `${roleOf(fault.host, topology)} ${what}${fault.wiped ? " and its disk" : ""}`;
    }
    case "pause": {
      const what = fault.clock === "runs" ? "process is stopped" : "machine is suspended";
      return `${roleOf(fault.host, topology)}: ${what}`;
    }
    case "cut": {
      const isPair = fault.hosts.length === 1 && fault.others.length === 1;
      const ways = fault.oneWay ? "one way" : "both ways";
      return `${isPair ? "a link is cut" : "hosts are cut off"}, ${fault.how}, ${ways}`;
    }
    case "slow":
      return `${roleOf(fault.host, topology)}: its links are slow`;
    case "hide":
      return "a device cannot be dialled for a while";
    case "refuse":
      return "a device's runtime refuses a part";
    case "adopt":
      return fault.replay ? "another plan, requests begin again" : "another plan while one serves";
    case "sever":
      return "a device's channels of a model break";
    case "unload":
      return "a model is unloaded, and loaded again";
    default:
      return fault satisfies never;
  }
}

function roleOf(host: string, { source, sink }: Topology): string {
  if (host === visitor) return "a client";
  if (host === "coordinator") return "the coordinator";
  if (host === source) return "the source";
  return host === sink ? "the sink" : "a device";
}
