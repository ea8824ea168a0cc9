import type { Problem } from "../plan/problem.ts";

/** A stage that is computed, or a phase of a hop. */
export interface Step {
  readonly type: "compute" | "send" | "wire" | "latency" | "receive";
  /** In the topology's own state. Above 0: what takes no time is no step. */
  readonly seconds: number;
  /** Of all phases of its hop, for which an exclusive device is taken; for a stage `seconds`. */
  readonly wholeSeconds: number;
  /** Servers that must be idle before it starts, and are busy from then on. */
  readonly takes: readonly number[];
  /** Servers that are idle when it has ended. */
  readonly frees: readonly number[];
  /** Steps of the same request that end before it starts. */
  readonly after: readonly number[];
  /** The stage that is computed, in the order of `groupStages`, and its device; −1 for a hop. */
  readonly stage: number;
  readonly device: number;
  /** What hops, all in one message; empty for a stage. */
  readonly tensors: readonly number[];
  /** Where it hops; −1 for a stage. */
  readonly link: number;
}

/** Steps whose ends something waits for; none: it is there when the request arrives. */
export type Ends = readonly number[];

/** The steps of one request as they are found. */
export class StepList {
  readonly steps: Step[] = [];
  readonly #problem: Problem;
  readonly #wireOfLink: readonly number[];

  constructor(problem: Problem, wireOfLink: readonly number[]) {
    this.#problem = problem;
    this.#wireOfLink = wireOfLink;
  }

  compute(stage: number, device: number, seconds: number, after: Ends): Ends {
    const own = { stage, device, tensors: [], link: -1, takes: [device], frees: [device] };
    return this.#add({ type: "compute", seconds, wholeSeconds: seconds, ...own, after });
  }

  /** @param share of each tensor that hops; left out: all */
  hop(tensors: readonly number[], link: number, ready: Ends, share?: number): Ends {
    const { devices, hops } = this.#problem;
    const { from, to } = hops.links[link] as { from: number; to: number };
    const held = [from, to].filter((device) => devices[device]?.communication === "exclusive");
    const all = (seconds: (tensor: number) => number): number =>
      tensors.reduce((sum, tensor) => sum + seconds(tensor), 0);
    const wire = this.#wireOfLink[link] as number;
    const phases = [
      ["send", all((tensor) => hops.sendSeconds(link, tensor, share)), [from]],
      ["wire", all((tensor) => hops.wireSeconds(link, tensor, share)), [wire]],
      ["latency", all(() => hops.rates.latencySeconds(link)), []],
      ["receive", all((tensor) => hops.receiveSeconds(link, tensor, share)), [to]],
    ] as const;
    const whole = {
      wholeSeconds: phases.reduce((sum, [, seconds]) => sum + seconds, 0),
      ...{ stage: -1, device: -1, tensors, link },
    };
    const lasting = phases.filter(([, seconds]) => seconds > 0);
    let after = ready;
    lasting.forEach(([type, seconds, servers], position) => {
      const own = servers.filter((server) => !held.includes(server));
      const takes = position === 0 ? [...held, ...own] : own;
      const frees = position === lasting.length - 1 ? [...held, ...own] : own;
      after = this.#add({ type, seconds, takes, frees, after, ...whole });
    });
    return after;
  }

  #add(step: Step): Ends {
    if (step.seconds === 0) return step.after;
    return [this.steps.push(step) - 1];
  }
}
