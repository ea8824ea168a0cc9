/**
 * What the pods of coordinator and agents have in common: nobody is root, nothing can be written but
 * what is mounted, and no key of the cluster's is at hand.
 *
 * @module
 */
import type { Bytes } from "../base/units.ts";
import { type Installation, paths } from "./installation.ts";
import type { Fields } from "./manifest.ts";

/** The user `node` of the image; of the NATS server any other would do. */
const user = 1000;

/** Allowed in namespaces that enforce the `restricted` Pod Security Standard. */
export const podSecurity: Fields = {
  runAsNonRoot: true,
  runAsUser: user,
  runAsGroup: user,
  // Volumes belong to this group.
  fsGroup: user,
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
};

export const containerSecurity: Fields = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** Nothing in these pods asks Kubernetes anything. */
export const podPrivacy: Fields = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
};

/** Where processes keep what they keep: the data volume, and a folder that ends with the pod. */
export const placesInPod: readonly Fields[] = [
  { name: "XDG_CACHE_HOME", value: `${paths.data}/cache` },
  { name: "XDG_STATE_HOME", value: paths.state },
  { name: "HOME", value: paths.temporary },
];

export const writableMounts: readonly Fields[] = [
  { name: "data", mountPath: paths.data },
  { name: "temporary", mountPath: paths.temporary },
];

export const temporaryVolume: Fields = { name: "temporary", emptyDir: {} };

/** The token as the commands read it: it stands in no list of processes. */
export const tokenInPod: Fields = {
  name: "PARTITA_TOKEN",
  valueFrom: { secretKeyRef: { name: "token", key: "token" } },
};

/** The claim for the data volume of a pod. */
export function dataClaim(bytes: number, { storageClass }: Installation): Fields {
  return {
    metadata: { name: "data" },
    spec: {
      accessModes: ["ReadWriteOnce"],
      ...(storageClass === null ? {} : { storageClassName: storageClass }),
      resources: { requests: { storage: gibibytes(bytes) } },
    },
  };
}

/** Kubernetes puts variables in where it reads `$(NAME)`, and reads `$$` as one `$`. */
export function literal(words: readonly string[]): string[] {
  return words.map((word) => word.replaceAll("$", () => "$$"));
}

/** As Kubernetes writes memory, rounded up. */
export function mebibytes(bytes: number | Bytes): string {
  return `${Math.ceil(bytes / 2 ** 20)}Mi`;
}

export function gibibytes(bytes: number | Bytes): string {
  return `${Math.ceil(bytes / 2 ** 30)}Gi`;
}
