import { type Installation, type NatsLogin, paths, ports } from "./installation.ts";
import { type Fields, labelsOf, type Manifest, metadataOf } from "./manifest.ts";
import { containerSecurity } from "./pod.ts";
import { singlePod } from "./single-pod.ts";

/** The official image; `partita` was tried with servers from 2.9 on. */
const natsImage = "nats:2.10.22-alpine";
const natsName = "nats";
const natsLabels = labelsOf(natsName);
const storageBytes = 10 * 2 ** 30;
const memory = "512Mi";
const ownUser = "partita";

/** How the commands read what the server wants: from the environment, or from a file named there. */
const variables = {
  user: "PARTITA_NATS_USER",
  password: "PARTITA_NATS_PASSWORD",
  token: "PARTITA_NATS_TOKEN",
} as const;
const files = {
  credentials: { variable: "PARTITA_NATS_CREDS", name: "user.creds" },
  authorities: { variable: "PARTITA_NATS_CA", name: "ca.pem" },
} as const;

type Given = Pick<Installation, "nats">;

/** State in NATS, and with it a second coordinator that can take over. */
export function usesNats({ nats }: Given): boolean {
  return nats.type !== "none";
}

/** How the commands are told where it is. */
export function natsWords({ nats }: Given): readonly string[] {
  if (nats.type === "none") return [];
  return [`--nats=${nats.type === "own" ? `nats://${natsName}:${ports.nats}` : nats.url}`];
}

/** What pods that dial it read. */
export function natsInputs(given: Given): unknown {
  return [natsWords(given), natsSecret(given)];
}

/** What it wants to be shown, by the keys of a Secret; none: nothing. */
export function natsSecret({ nats }: Given): Readonly<Record<string, string>> {
  const login = loginOf(nats);
  const entries = [
    ...keysOf(variables).map((key) => [key, login[key]] as const),
    ...keysOf(files).map((key) => [files[key].name, login[key]] as const),
  ];
  return Object.fromEntries(
    entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

/** The environment of who dials it: no manifest but the Secret holds what it wants. */
export function natsInPod({ nats }: Given): readonly Fields[] {
  const login = loginOf(nats);
  const texts = keysOf(variables).flatMap((key) =>
    login[key] === undefined
      ? []
      : { name: variables[key], valueFrom: { secretKeyRef: { name: natsName, key } } },
  );
  const places = filesOf(login).map(({ variable, name }) => ({
    name: variable,
    value: `${paths.nats}/${name}`,
  }));
  return [...texts, ...places];
}

export function natsVolumes({ nats }: Given): readonly Fields[] {
  const items = filesOf(loginOf(nats)).map(({ name }) => ({ key: name, path: name }));
  return items.length === 0 ? [] : [{ name: natsName, secret: { secretName: natsName, items } }];
}

export function natsMounts({ nats }: Given): readonly Fields[] {
  if (filesOf(loginOf(nats)).length === 0) return [];
  return [{ name: natsName, mountPath: paths.nats, readOnly: true }];
}

function loginOf(nats: Installation["nats"]): NatsLogin {
  if (nats.type === "own") return { user: ownUser, password: nats.password };
  return nats.type === "given" ? nats.login : {};
}

function filesOf(login: NatsLogin) {
  return keysOf(files).flatMap((key) => (login[key] === undefined ? [] : files[key]));
}

function keysOf<T extends object>(object: T): (keyof T)[] {
  return Object.keys(object) as (keyof T)[];
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
  user: ${ownUser}
  password: "${password}"
}
`;
}

function natsPod(installation: Installation): Manifest {
  return singlePod(
    {
      name: natsName,
      component: natsName,
      serviceName: natsName,
      labels: natsLabels,
      inputs: natsInputs(installation),
      dataBytes: storageBytes,
      spec: {
        containers: [natsContainer()],
        volumes: [{ name: "config", secret: { secretName: "nats-server" } }],
      },
    },
    installation,
  );
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
