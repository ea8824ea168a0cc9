/**
 * What is to run on an engine that places processes on machines, and how.
 *
 * @module
 */
import type { Bytes } from "../base/units.ts";
import type { Topology } from "../cost/topology.ts";

export interface Installation {
  /** Where everything is put; a name as Kubernetes takes it. */
  readonly namespace: string;
  /** Of the container that coordinator and agents run in. */
  readonly image: string;
  /** Of Partita. */
  readonly version: string;
  readonly topology: Topology;
  /** Texts that the coordinator reads, by file name: the topology, profiles. */
  readonly texts: Readonly<Record<string, string>>;
  /** Files that are too large for a ConfigMap, which somebody copies: models, large profiles. */
  readonly copied: readonly CopiedFile[];
  /** The models as `partita serve` takes them, and what it is told besides. */
  readonly served: readonly string[];
  /** Weights of all models together. */
  readonly weightBytes: Bytes;
  /** Of the runtime, in each part. */
  readonly threads: number;
  readonly credentials: Credentials;
  readonly nats: Nats;
  /** Of all volumes; `null`: the cluster's default. */
  readonly storageClass: string | null;
  /** Whether to have the Prometheus operator find the metrics. */
  readonly serviceMonitor: boolean;
}

export interface CopiedFile {
  /** Relative to the coordinator's folder of models. */
  readonly name: string;
  readonly sha256: string;
  readonly bytes: Bytes;
}

export interface Credentials {
  /** `SECRET.FINGERPRINT`. */
  readonly token: string;
  /** Key and certificate of the cluster's authority, as `authority.pem`. */
  readonly authority: string;
}

/** `own`: one server, written too; `given`: somebody else's, at these ports. */
export type Nats =
  | { readonly type: "none" }
  | { readonly type: "own"; readonly password: string }
  | {
      readonly type: "given";
      /** Without what it wants to be shown. */
      readonly url: string;
      readonly ports: readonly number[];
      readonly login: NatsLogin;
    };

/** What a server wants to be shown, as far as it does. */
export interface NatsLogin {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** A file of credentials, as `nsc` writes it. */
  readonly credentials?: string;
  /** Certificates to trust, as PEM. */
  readonly authorities?: string;
}

/** Where the processes listen, in every pod. */
export const ports = {
  coordinator: 7000,
  agent: 7001,
  http: 8000,
  grpc: 8001,
  metrics: 8002,
  nats: 4222,
  natsMonitor: 8222,
} as const;

/** Where files are in every pod. */
export const paths = {
  /** The only place, beside `temporary`, where something can be written. */
  data: "/var/lib/partita",
  state: "/var/lib/partita/state",
  models: "/var/lib/partita/models",
  config: "/etc/partita",
  authority: "/run/partita",
  nats: "/run/nats",
  temporary: "/tmp",
} as const;

/** Sums of the copied files, as `sha256sum --check` reads them. */
export const sumsFile = "models.sha256";
