/**
 * How the coordinator is found: by agents, by clients, by Prometheus.
 *
 * @module
 */
import { coordinatorName, type openPorts } from "./coordinator.ts";
import { type Installation, ports } from "./installation.ts";
import { labelsOf, type Manifest, metadataOf } from "./manifest.ts";

type Port = (typeof openPorts)[number];

/** Pods by name, also those that are not ready: agents have to come before a coordinator is. */
const eachPod = { clusterIP: "None", publishNotReadyAddresses: true } as const;

export function serviceManifests(installation: Installation): Manifest[] {
  return [
    service(installation, coordinatorName, ["coordinator"], eachPod),
    // Those that are ready: of two, the one that leads.
    service(installation, "partita", ["http", "grpc"], {}),
    service(installation, "metrics", ["metrics"], eachPod),
    ...(installation.serviceMonitor ? [serviceMonitor(installation)] : []),
  ];
}

function service(
  installation: Installation,
  name: string,
  names: readonly Port[],
  fields: Readonly<Record<string, unknown>>,
): Manifest {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadataOf(name, name, installation),
    spec: {
      ...fields,
      selector: labelsOf(coordinatorName),
      ports: names.map((port) => ({ name: port, port: ports[port], targetPort: port })),
    },
  };
}

/** For the Prometheus operator. */
function serviceMonitor(installation: Installation): Manifest {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata: metadataOf("partita", "metrics", installation),
    spec: {
      selector: { matchLabels: labelsOf("metrics") },
      endpoints: [{ port: "metrics", path: "/metrics" }],
    },
  };
}
