import { agentLabels } from "./agents.ts";
import type { Installation } from "./installation.ts";
import { type Manifest, metadataOf } from "./manifest.ts";

/**
 * How many devices may go at once where machines are emptied: one, since a plan for the loss of each
 * is ready. Coordinators have no budget: the only one, or the one that leads, would keep its machine
 * from ever being emptied, and of two the other takes over.
 */
export function disruptionBudget(installation: Installation): Manifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadataOf("agents", "agents", installation),
    spec: { maxUnavailable: 1, selector: { matchLabels: agentLabels } },
  };
}
