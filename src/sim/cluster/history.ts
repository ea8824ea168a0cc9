import type { AgentEvent, AgentTrace } from "../../cluster/agent-options.ts";
import type { ClusterEvent } from "../../cluster/status.ts";

/** What has been seen of a cluster from its start to its end, and what of it does not fit together. */
export class History {
  /** Plans that were gone over to, or were to be. */
  adoptions = 0;
  generations = 0;
  replays = 0;
  /** Requests that went into a generation together with others, and that went on by themselves. */
  joined = 0;
  parted = 0;
  readonly #complain: (violation: string) => void;
  /** What each agent that runs cannot reach, as it has said. */
  readonly #lost = new Map<string, Set<string>>();
  /** What each has reached again. */
  readonly #reached = new Map<string, Set<string>>();

  constructor(complain: (violation: string) => void) {
    this.#complain = complain;
  }

  /** @returns what is to be told of a coordinator's events */
  coordinator(): (event: ClusterEvent) => void {
    const down = new Set<string>();
    const here = new Set<string>();
    let [prepared, served] = [0, 0];
    return (event) => {
      switch (event.type) {
        case "preparing":
          if (event.generation <= prepared) {
            this.#complain(`generation ${event.generation} is prepared after ${prepared}`);
          }
          prepared = event.generation;
          this.generations = Math.max(this.generations, prepared);
          return;
        case "serving":
          if (event.generation <= served) {
            this.#complain(`generation ${event.generation} serves after ${served}`);
          }
          served = event.generation;
          this.generations = Math.max(this.generations, served);
          return;
        case "linkDown":
        case "linkUp":
          this.#alternate(down, `${event.from} – ${event.to}`, event.type === "linkDown", "down");
          return;
        case "joined":
          here.add(event.device);
          return;
        case "left":
          if (!here.delete(event.device))
            this.#complain(`${event.device} leaves, and was not here`);
          return;
        default:
      }
    };
  }

  /** @returns what is to be told of an agent's events */
  agent(device: string): (event: AgentEvent) => void {
    const lost = new Set<string>();
    const reached = new Set<string>();
    this.#lost.set(device, lost);
    this.#reached.set(device, reached);
    return (event) => {
      if (event.type === "lost") lost.add(event.device);
      if (event.type !== "reached") return;
      reached.add(event.device);
      if (lost.delete(event.device)) return;
      this.#complain(`${device} reaches ${event.device} again, which was not lost`);
    };
  }

  trace(trace: AgentTrace): void {
    if (trace.type === "replayed") this.replays++;
    if (trace.type === "parted") this.parted++;
    if (trace.type === "begun" && trace.joined !== undefined) this.joined++;
  }

  /** Devices that an agent has lost and not reached again. */
  lostBy(device: string): readonly string[] {
    return [...(this.#lost.get(device) ?? [])];
  }

  /** Whether one of two agents has lost the other, and reached it again. */
  hasReached(one: string, other: string): boolean {
    return [this.#reached.get(one)?.has(other), this.#reached.get(other)?.has(one)].includes(true);
  }

  #alternate(are: Set<string>, name: string, isNow: boolean, what: string): void {
    if (are.has(name) === isNow) this.#complain(`${name} was ${isNow ? "" : "not "}${what} before`);
    if (isNow) are.add(name);
    else are.delete(name);
  }
}
