import { type Installation, paths, ports, sumsFile } from "./installation.ts";
import { deviceLabel, labelsOf, labelValue, type Manifest } from "./manifest.ts";
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

export const coordinatorName = "coordinator";

/** The sets of one pod each that there are: one, or two of which one leads. */
export function coordinatorSets(installation: Installation): readonly string[] {
  return usesNats(installation)
    ? [`${coordinatorName}-a`, `${coordinatorName}-b`]
    : [coordinatorName];
}

/** The pod that agents join where there is one coordinator only. */
export const firstCoordinator: string = `${coordinatorName}-0.${coordinatorName}`;

/** On which each listens. */
export const openPorts = ["coordinator", "http", "grpc", "metrics"] as const;

/** Says of the pods of coordinators which set they belong to. */
const setLabel = "partita.dev/set";
const gibibyte = 2 ** 30;
/** Measuring a model takes about five times its weights, planning and serving less. */
const measuredWeights = 5;
/** A model of gigabytes is read, optimised and measured before anything else is done. */
const longestStartSeconds = 3600;
const probeSeconds = 10;
/** Until nobody sends requests any more to a pod that is to end; or until it knows who stands by. */
const withdrawalSeconds = 6;
/** Until everything that was asked is answered, or given up. */
const drainSeconds = 60;
/** From then on, until the last answers have gone out and the agents know. */
const endSeconds = 20;

/** What the container is called with. */
export function coordinatorWords(installation: Installation): string[] {
  const { served } = installation;
  const listen = `--listen=0.0.0.0:${ports.coordinator}`;
  const protocols = (["http", "grpc", "metrics"] as const).map(
    (name) => `--${name}=0.0.0.0:${ports[name]}`,
  );
  const own = [`${paths.config}/topology.yaml`, ...served, listen, `--state=${paths.state}`];
  return literal([
    "serve",
    ...own,
    ...protocols,
    `--drain=${drainSeconds}s`,
    ...natsWords(installation),
  ]);
}

/** One coordinator, or two of which one leads. */
export function coordinatorPods(installation: Installation): Manifest[] {
  const { texts, copied, credentials, weightBytes } = installation;
  const copiedBytes = copied.reduce((sum, { bytes }) => sum + bytes, 0);
  return coordinatorSets(installation).map((name, place) =>
    singlePod(
      {
        name,
        component: coordinatorName,
        serviceName: coordinatorName,
        labels: { ...labelsOf(coordinatorName), [setLabel]: name },
        inputs: [texts, copied, credentials, natsInputs(installation)],
        dataBytes: gibibyte + 2 * (copiedBytes + weightBytes),
        // Kubernetes would end both at the same time, and nobody would lead.
        isUpdatedByHand: place > 0,
        spec: {
          terminationGracePeriodSeconds: withdrawalSeconds + drainSeconds + endSeconds,
          affinity: besideSource(installation),
          initContainers: [bringAuthority(installation), ...awaitCopied(installation)],
          containers: [container(installation)],
          volumes: [
            temporaryVolume,
            { name: "config", configMap: { name: "config" } },
            { name: "authority", secret: { secretName: "authority" } },
            ...natsVolumes(installation),
          ],
        },
      },
      installation,
    ),
  );
}

/** Requests go from here to the agent of the source; two coordinators stand on two machines. */
function besideSource({ topology: { source } }: Installation) {
  const isSource = { key: deviceLabel, operator: "In", values: [labelValue(source)] };
  const others = { matchLabels: labelsOf(coordinatorName) };
  return {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 50, preference: { matchExpressions: [isSource] } },
      ],
    },
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          podAffinityTerm: { labelSelector: others, topologyKey: "kubernetes.io/hostname" },
        },
      ],
    },
  };
}

/** Puts the authority's key where the coordinator looks for it, as a file that only it may read. */
function bringAuthority({ image }: Installation) {
  const file = "authority.pem";
  return {
    name: "authority",
    image,
    command: ["install", "-D", "-m", "600", `${paths.authority}/${file}`, `${paths.state}/${file}`],
    securityContext: containerSecurity,
    resources: littleResources,
    volumeMounts: [
      ...writableMounts,
      { name: "authority", mountPath: paths.authority, readOnly: true },
    ],
  };
}

/** Waits until somebody has copied every file in full. */
function awaitCopied({ copied, image }: Installation) {
  if (copied.length === 0) return [];
  const folders = copied.map(({ name }) => `${paths.models}/${name}`.replace(/\/[^/]*$/, ""));
  const wait = `mkdir -p "$@" && cd ${paths.models} && until sha256sum --quiet --check ${paths.config}/${sumsFile}; do sleep 5; done`;
  return [
    {
      name: "models",
      image,
      command: literal(["sh", "-c", wait, "sh", ...new Set([paths.models, ...folders])]),
      securityContext: containerSecurity,
      resources: littleResources,
      volumeMounts: [
        ...writableMounts,
        { name: "config", mountPath: paths.config, readOnly: true },
      ],
    },
  ];
}

const littleResources = {
  requests: { cpu: "100m", memory: "64Mi" },
  limits: { cpu: "1", memory: "256Mi" },
} as const;

function container(installation: Installation) {
  const memory = mebibytes(gibibyte + measuredWeights * installation.weightBytes);
  return {
    name: coordinatorName,
    image: installation.image,
    args: coordinatorWords(installation),
    env: [...placesInPod, tokenInPod, ...natsInPod(installation)],
    ports: openPorts.map((name) => ({ name, containerPort: ports[name] })),
    ...probes,
    ...withdrawal(installation),
    securityContext: containerSecurity,
    resources: {
      requests: { cpu: "1", memory },
      limits: { cpu: "2", memory },
    },
    volumeMounts: [
      ...writableMounts,
      { name: "config", mountPath: paths.config, readOnly: true },
      ...natsMounts(installation),
    ],
  };
}

const live = { httpGet: { path: "/v2/health/live", port: "http" }, periodSeconds: probeSeconds };

const probes = {
  startupProbe: { ...live, failureThreshold: longestStartSeconds / probeSeconds },
  livenessProbe: { ...live, timeoutSeconds: 5, failureThreshold: 6 },
  readinessProbe: {
    httpGet: { path: "/v2/health/ready", port: "http" },
    periodSeconds: 1,
    failureThreshold: 2,
  },
} as const;

/**
 * Nobody is sent to a pod that is to end, and to another one only when that leads: of two, the one
 * that is to end hands the lead over at once. The only one goes on until nobody is sent to it any more.
 */
function withdrawal(installation: Installation) {
  if (usesNats(installation)) return {};
  return { lifecycle: { preStop: { exec: { command: ["sleep", String(withdrawalSeconds)] } } } };
}
