/**
 * A thread that plans, so that whoever asks goes on meanwhile: planners do not let anybody in between.
 *
 * @module
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../base/errors.ts";
import type { Topology } from "../cost/topology.ts";
import type { PlanningReply, PlanningTask } from "./planning-threads.ts";
import { replan } from "./replan.ts";

if (parentPort !== null) serve(parentPort, workerData as PlanningTask);

function serve(port: MessagePort, task: PlanningTask): void {
  const reply = (message: PlanningReply) => port.postMessage(message);
  port.on("message", async (topology: Topology) => {
    try {
      reply({ type: "answered", answer: await replan(task, topology) });
    } catch (error) {
      reply({ type: "failed", message: messageOf(error) });
    }
  });
}
