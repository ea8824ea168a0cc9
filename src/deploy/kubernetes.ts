import { stringify } from "yaml";
import { agentManifests } from "./agents.ts";
import { coordinatorPods } from "./coordinator.ts";
import { credentialManifests } from "./credentials.ts";
import { disruptionBudget } from "./disruption.ts";
import { type Installation, sumsFile } from "./installation.ts";
import { type Manifest, metadataOf } from "./manifest.ts";
import { natsManifests } from "./nats.ts";
import { networkPolicies } from "./network-policies.ts";
import { serviceManifests } from "./services.ts";

/** The one file that holds secrets. */
export const secretsFile = "secrets.yaml";

/** All files that there can be, in the order in which they are applied. */
export const manifestFiles: readonly string[] = [
  "namespace.yaml",
  "config.yaml",
  secretsFile,
  "network.yaml",
  "nats.yaml",
  "coordinator.yaml",
  "agents.yaml",
];

/** What `kubectl apply -k` reads first. */
const kustomizationFile = "kustomization.yaml";

/**
 * Everything that Kubernetes needs to know of an installation, by file. The same installation always
 * gives the same.
 */
export function kubernetesManifests(
  installation: Installation,
): Readonly<Record<string, readonly Manifest[]>> {
  const all: Readonly<Record<string, readonly Manifest[]>> = {
    "namespace.yaml": [namespace(installation)],
    "config.yaml": [configuration(installation)],
    [secretsFile]: credentialManifests(installation),
    "network.yaml": networkPolicies(installation),
    "nats.yaml": natsManifests(installation),
    "coordinator.yaml": [...coordinatorPods(installation), ...serviceManifests(installation)],
    "agents.yaml": [...agentManifests(installation), disruptionBudget(installation)],
  };
  return Object.fromEntries(Object.entries(all).filter(([, manifests]) => manifests.length > 0));
}

/** The same as texts in YAML, with the file that names the others. */
export function kubernetesFiles(installation: Installation): Readonly<Record<string, string>> {
  const manifests = kubernetesManifests(installation);
  const head = `# Written by partita deploy kubernetes, version ${installation.version}: to change it, call it again.\n`;
  const texts = Object.entries(manifests).map(([file, documents]): [string, string] => [
    file,
    head + documents.map(yamlOf).join("---\n"),
  ]);
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: Object.keys(manifests),
  };
  return { ...Object.fromEntries(texts), [kustomizationFile]: head + yamlOf(kustomization) };
}

/** Kubernetes reads YAML 1.1, in which `yes` and `1_000` are no strings. */
function yamlOf(value: object): string {
  return stringify(value, { compat: "yaml-1.1", lineWidth: 0, aliasDuplicateObjects: false });
}

function namespace(installation: Installation): Manifest {
  const { namespace: name } = installation;
  const { namespace: _, labels, ...metadata } = metadataOf(name, "namespace", installation);
  const restricted = { "pod-security.kubernetes.io/enforce": "restricted" };
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { ...metadata, labels: { ...labels, ...restricted } },
  };
}

function configuration(installation: Installation): Manifest {
  const { texts, copied } = installation;
  const sums = copied.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join("");
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: metadataOf("config", "config", installation),
    data: { ...texts, ...(copied.length === 0 ? {} : { [sumsFile]: sums }) },
  };
}
