import { agentLabels } from "./agents.ts";
import { coordinatorName } from "./coordinator.ts";
import type { Installation } from "./installation.ts";
import { labelsOf, type Manifest, metadataOf } from "./manifest.ts";
import { usesNats } from "./nats.ts";

/**
 * How many pods may go at once where machines are emptied: one device, since a plan for the loss of
 * each is ready, and one of two coordinators. A single coordinator has no budget: it would keep its
 * machine from ever being emptied.
 */
export function disruptionBudgets(installation: Installation): Manifest[] {
  const budget = (name: string, limit: object, matchLabels: object): Manifest => ({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadataOf(name, name, installation),
    spec: { ...limit, selector: { matchLabels } },
  });
  return [
    budget("agents", { maxUnavailable: 1 }, agentLabels),
    ...(usesNats(installation)
      ? [budget(coordinatorName, { minAvailable: 1 }, labelsOf(coordinatorName))]
      : []),
  ];
}
