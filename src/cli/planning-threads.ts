import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { CodedError } from "../base/errors.ts";
import type { Profile } from "../cost/profile.ts";
import type { Topology } from "../cost/topology.ts";
import type { Plan } from "../plan/plan.ts";
import type { PlanningChoices } from "./planning.ts";

/** Everything but the topology. */
export interface PlanningTask {
  readonly profile: Profile;
  readonly choices: PlanningChoices;
  /** The first plan: others are made for the same objective, and their parts run alike. */
  readonly like: PlanModel;
}

/** What plans of one model have in common. */
export type PlanModel = Pick<
  Plan,
  "objective" | "limits" | "level" | "threads" | "reserved" | "batch"
>;

export type Replanned = Plan | { readonly infeasible: string };

/** What a thread says. */
export type PlanningReply =
  | { readonly type: "answered"; readonly answer: Replanned }
  | { readonly type: "failed"; readonly message: string };

/**
 * Plans for parts of a topology in threads of their own, one for each plan that is asked for at the
 * same time. Threads are kept for the next plan and do not keep the process alive.
 */
export class PlanningThreads {
  readonly #task: PlanningTask;
  readonly #idle: Worker[] = [];

  constructor(task: PlanningTask) {
    this.#task = task;
  }

  /**
   * Resolves as the planner decides; equal topologies have equal plans where its time is enough.
   *
   * @param signal ends the thread, in the middle of a plan
   * @throws what the planner throws, as PLAN_INFEASIBLE; the signal's reason
   */
  async plan(topology: Topology, signal: AbortSignal): Promise<Replanned> {
    signal.throwIfAborted();
    const worker = this.#idle.pop() ?? this.#start();
    return await new Promise<Replanned>((resolve, reject) => {
      const settle = (isReusable: boolean, conclude: () => void): void => {
        worker.removeAllListeners("message");
        worker.removeAllListeners("exit");
        signal.removeEventListener("abort", onAbort);
        if (isReusable) this.#keep(worker);
        else void worker.terminate();
        conclude();
      };
      const onAbort = () => settle(false, () => reject(signal.reason));
      signal.addEventListener("abort", onAbort, { once: true });
      worker.on("exit", (code) =>
        settle(false, () => reject(failed(`its thread ended (exit code ${code})`))),
      );
      worker.on("message", (reply: PlanningReply) =>
        settle(true, () => {
          if (reply.type === "answered") resolve(reply.answer);
          else reject(failed(reply.message));
        }),
      );
      worker.postMessage(topology);
    });
  }

  /** Ends the threads that are idle. */
  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((worker) => worker.terminate()));
  }

  #start(): Worker {
    const thread = createRequire(import.meta.url).resolve("#planning-thread");
    const worker = new Worker(thread, { workerData: this.#task });
    // An error ends the thread, too: that is what is waited for.
    worker.on("error", () => undefined);
    worker.unref();
    return worker;
  }

  #keep(worker: Worker): void {
    worker.on("exit", () => {
      const place = this.#idle.indexOf(worker);
      if (place >= 0) this.#idle.splice(place, 1);
    });
    this.#idle.push(worker);
  }
}

function failed(why: string): CodedError {
  return new CodedError("PLAN_INFEASIBLE", `the planner failed: ${why}`);
}
