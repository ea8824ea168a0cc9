import { type Installation, ports } from "./installation.ts";
import { type Fields, labelsOf, type Manifest, metadataOf, sha256Of } from "./manifest.ts";
import { containerSecurity, dataClaim, podPrivacy, podSecurity } from "./pod.ts";

/** The official image; `partita` was tried with servers from 2.9 on. */
const natsImage = "nats:2.10.22-alpine";
const natsName = "nats";
const natsLabels = labelsOf(natsName);
const urlVariable = "NATS_URL";
const storageBytes = 10 * 2 ** 30;
const memory = "512Mi";

/** State in NATS, and with it a second coordinator that can take over. */
export function usesNats({ nats }: Pick<Installation, "nats">): boolean {
  return nats.type !== "none";
}

/** What coordinators and agents dial, with what they have to show. */
export function natsUrl({ nats }: Pick<Installation, "nats">): string {
  if (nats.type !== "own") return nats.type === "given" ? nats.url : "";
  return `nats://partita:${nats.password}@${natsName}:${ports.nats}`;
}

/** How the commands are told: Kubernetes puts the URL in, so that no manifest but the secret has it. */
export function natsWords(installation: Installation): readonly string[] {
  return usesNats(installation) ? [`--nats=$(${urlVariable})`] : [];
}

export function natsInPod(installation: Installation): readonly Fields[] {
  if (!usesNats(installation)) return [];
  return [{ name: urlVariable, valueFrom: { secretKeyRef: { name: natsName, key: "url" } } }];
}

/** The server, where it is ours. */
export function natsManifests(installation: Installation): Manifest[] {
  if (installation.nats.type !== "own") return [];
  const service: Manifest = {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadataOf(natsName, natsName, installation),
    spec: {
      selector: natsLabels,
      ports: [{ name: "client", port: ports.nats, targetPort: "client" }],
    },
  };
  return [service, natsPod(installation)];
}

/** As the server reads it. */
export function natsConfiguration(password: string): string {
  return `port: ${ports.nats}
http_port: ${ports.natsMonitor}
max_payload: 8388608
jetstream {
  store_dir: "/data"
  max_memory_store: 134217728
  max_file_store: ${Math.floor(storageBytes * 0.9)}
}
authorization {
  user: partita
  password: "${password}"
}
`;
}

function natsPod(installation: Installation): Manifest {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: metadataOf(natsName, natsName, installation),
    spec: {
      serviceName: natsName,
      replicas: 1,
      selector: { matchLabels: natsLabels },
      template: {
        metadata: {
          labels: natsLabels,
          annotations: { "partita.dev/inputs": sha256Of(natsUrl(installation)) },
        },
        spec: {
          ...podPrivacy,
          securityContext: podSecurity,
          containers: [natsContainer()],
          volumes: [{ name: "config", secret: { secretName: "nats-server" } }],
        },
      },
      volumeClaimTemplates: [dataClaim(storageBytes, installation)],
    },
  };
}

function natsContainer(): Fields {
  const health = (query: string) => ({
    httpGet: { path: `/healthz${query}`, port: "monitor" },
    periodSeconds: 5,
  });
  return {
    name: natsName,
    image: natsImage,
    args: ["--config=/etc/nats/nats.conf"],
    ports: [
      { name: "client", containerPort: ports.nats },
      { name: "monitor", containerPort: ports.natsMonitor },
    ],
    startupProbe: { ...health(""), failureThreshold: 60 },
    livenessProbe: health("?js-enabled-only=true"),
    readinessProbe: health("?js-server-only=true"),
    securityContext: containerSecurity,
    resources: { requests: { cpu: "250m", memory }, limits: { cpu: "1", memory } },
    volumeMounts: [
      { name: "data", mountPath: "/data" },
      { name: "config", mountPath: "/etc/nats", readOnly: true },
    ],
  };
}
