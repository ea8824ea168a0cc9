import type { Device } from "../cost/topology.ts";
import { firstCoordinator } from "./coordinator.ts";
import { type Installation, ports } from "./installation.ts";
import {
  deviceLabel,
  type Labels,
  labelsOf,
  labelValue,
  type Manifest,
  metadataOf,
  objectName,
} from "./manifest.ts";
import { natsInPod, natsInputs, natsMounts, natsVolumes, natsWords, usesNats } from "./nats.ts";
import {
  containerSecurity,
  literal,
  mebibytes,
  placesInPod,
  temporaryVolume,
  tokenInPod,
  writableMounts,
} from "./pod.ts";
import { singlePod } from "./single-pod.ts";

const agentsName = "agents";

/** What the pods of all agents are found by. */
export const agentLabels: Labels = labelsOf(agentsName);

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
/** What an agent takes itself, beside its parts, and what the allocator holds on to. */
const ownBytes = 256 * mebibyte;

/** One agent for each device that joins, on the machine with its label. */
export function agentManifests(installation: Installation): Manifest[] {
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: metadataOf(agentsName, agentsName, installation),
      spec: {
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector: agentLabels,
        ports: [{ name: "agent", port: ports.agent, targetPort: "agent" }],
      },
    },
    ...joiningDevices(installation).map((device) => agentPod(device, installation)),
  ];
}

/** Devices that have an agent: all but the machine of the coordinator. */
export function joiningDevices({ topology }: Pick<Installation, "topology">): Device[] {
  return topology.devices.filter(({ relay }) => relay === undefined);
}

/** What `partita agent` is called with. */
export function agentWords({ name, memoryBytes }: Device, installation: Installation): string[] {
  const { memory } = memoryOf(memoryBytes);
  const own = [
    "agent",
    `--name=${name}`,
    `--listen=0.0.0.0:${ports.agent}`,
    ...(memory === null ? [] : [`--memory=${memory} B`]),
    `--cache-limit=${cacheBytes(installation)} B`,
  ];
  const coordinator = usesNats(installation)
    ? natsWords(installation)
    : [`--join=${firstCoordinator}:${ports.coordinator}`];
  return literal([...own, ...coordinator]);
}

function agentPod(device: Device, installation: Installation): Manifest {
  const isDevice = { [deviceLabel]: labelValue(device.name) };
  return singlePod(
    {
      name: `agent-${objectName(device.name)}`,
      component: agentsName,
      serviceName: agentsName,
      labels: { ...agentLabels, ...isDevice },
      inputs: [installation.credentials.token, natsInputs(installation)],
      dataBytes: 2 * cacheBytes(installation),
      spec: {
        nodeSelector: isDevice,
        // Machines that are kept for devices have a taint of this name.
        tolerations: [{ key: deviceLabel, operator: "Exists" }],
        containers: [agentContainer(device, installation)],
        volumes: [temporaryVolume, ...natsVolumes(installation)],
      },
    },
    installation,
  );
}

function agentContainer(device: Device, installation: Installation) {
  const { threads, image, weightBytes } = installation;
  const { limit } = memoryOf(device.memoryBytes);
  // One more than parts run with, for what moves the tensors.
  const cpu = { requests: String(threads), limits: String(threads + 1) };
  return {
    name: "agent",
    image,
    args: agentWords(device, installation),
    env: [...placesInPod, tokenInPod, ...natsInPod(installation)],
    ports: [{ name: "agent", containerPort: ports.agent }],
    securityContext: containerSecurity,
    resources: {
      requests: { cpu: cpu.requests, memory: limit ?? mebibytes(ownBytes + weightBytes) },
      limits: { cpu: cpu.limits, ...(limit === null ? {} : { memory: limit }) },
    },
    volumeMounts: [...writableMounts, ...natsMounts(installation)],
  };
}

/** What a device's parts may take, and its pod. A device without a limit has neither. */
function memoryOf(memoryBytes: number | null): { memory: number | null; limit: string | null } {
  if (memoryBytes === null) return { memory: null, limit: null };
  return { memory: Math.floor(memoryBytes), limit: mebibytes(memoryBytes + ownBytes) };
}

/** All models, with room for those that come after them. */
function cacheBytes({ weightBytes }: Installation): number {
  return gibibyte + 2 * Math.ceil(weightBytes);
}
