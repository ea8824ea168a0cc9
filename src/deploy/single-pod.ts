import type { Installation } from "./installation.ts";
import { type Fields, type Labels, type Manifest, metadataOf, sha256Of } from "./manifest.ts";
import { dataClaim, podPrivacy, podSecurity } from "./pod.ts";

export interface SinglePod {
  readonly name: string;
  readonly component: string;
  /** Under which its pod has a name of its own. */
  readonly serviceName: string;
  /** No other pod's. */
  readonly labels: Labels;
  /** What its processes read: pods do not start again by themselves when that has changed. */
  readonly inputs: unknown;
  /** Of its volume. */
  readonly dataBytes: number;
  readonly spec: Fields;
  /** Whether it takes up a change only when somebody deletes its pod. Default: at once. */
  readonly isUpdatedByHand?: boolean;
}

/**
 * A set of one pod: what it keeps outlives the pod, there are never two of one name, and nobody waits
 * for it to be ready when another one is upgraded.
 */
export function singlePod(pod: SinglePod, installation: Installation): Manifest {
  const { name, component, serviceName, labels, inputs, dataBytes, spec } = pod;
  const { isUpdatedByHand = false } = pod;
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: metadataOf(name, component, installation),
    spec: {
      serviceName,
      replicas: 1,
      ...(isUpdatedByHand ? { updateStrategy: { type: "OnDelete" } } : {}),
      selector: { matchLabels: labels },
      template: {
        metadata: {
          labels,
          annotations: { "partita.dev/inputs": sha256Of(JSON.stringify(inputs)) },
        },
        spec: { ...podPrivacy, securityContext: podSecurity, ...spec },
      },
      volumeClaimTemplates: [dataClaim(dataBytes, installation)],
    },
  };
}
