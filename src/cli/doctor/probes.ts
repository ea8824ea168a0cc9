/**
 * What the doctor asks a machine and its network.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { lookup } from "node:dns/promises";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { systemClock } from "../../base/clock.node.ts";
import { freeBytesOf } from "../../cluster/blob-file.node.ts";
import type { Probed } from "../../cluster/control-message.ts";
import type { ClusterStatus } from "../../cluster/status.ts";
import { surveyLink } from "../../cluster/task-client.ts";
import { watchCluster } from "../../cluster/watch-client.ts";
import { onnxRuntimeName } from "../../runtime/onnxruntime.node.ts";
import { type HostLimits, readHostLimits } from "../host-limits.ts";
import { secureClient } from "../security.ts";
import { runStandardBenchmark } from "../standard-benchmark.ts";

/** Everything here rejects with what went wrong; network errors carry the system's `code`. */
export interface Probes {
  /** `v20.20.2` */
  readonly nodeVersion: string;
  readonly runtimeName: string;
  /** Seconds that the standard benchmark takes. */
  benchmark(): Promise<number>;
  limits(): HostLimits;
  /** Writes a file there and removes it; resolves to the disk's free bytes. */
  write(folder: string): Promise<number>;
  /** The smallest step that the monotonic clock was seen to make, in seconds. */
  clockStep(): number;
  /** Calendar time, in seconds since 1970. */
  calendarSeconds(): number;
  /** Addresses of a name. */
  resolve(host: string): Promise<readonly string[]>;
  /** Dials; resolves to the seconds that it took. */
  dial(host: string, port: number): Promise<number>;
  /** Listens there and stops again. */
  listen(host: string, port: number): Promise<void>;
  /** How the cluster stands that a coordinator runs. */
  ask(address: string, token: string): Promise<ClusterStatus>;
  /** Has a device measure its link to another one. */
  survey(
    whom: { readonly address: string; readonly token: string },
    from: string,
    to: string,
    bytes: number,
  ): Promise<Probed>;
}

/** Whoever takes longer to answer is not there, for all that people can tell. */
export const dialSeconds = 4;

export const systemProbes: Probes = {
  nodeVersion: process.version,
  runtimeName: onnxRuntimeName(),
  benchmark: runStandardBenchmark,
  limits: () => readHostLimits(),
  write: async (folder) => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `.doctor-${randomBytes(6).toString("hex")}`);
    try {
      await writeFile(path, "written by partita doctor\n", { flag: "wx" });
    } finally {
      await rm(path, { force: true });
    }
    return await freeBytesOf(folder);
  },
  clockStep: () => {
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 100; round++) {
      const start = process.hrtime.bigint();
      let end = start;
      while (end === start) end = process.hrtime.bigint();
      least = Math.min(least, Number(end - start) / 1e9);
    }
    return least;
  },
  calendarSeconds: () => Date.now() / 1000,
  resolve: async (host) => {
    const found = await lookup(host, { all: true });
    return [...new Set(found.map(({ address }) => address))];
  },
  dial,
  listen: (host, port) =>
    new Promise((resolve, reject) => {
      const server = createServer();
      server.once("error", reject);
      server.listen(port, host, () => server.close(() => resolve()));
    }),
  ask: async (address, token) => {
    const { secret, transport } = secureClient(token);
    const end = new AbortController();
    const how = { transport, clock: systemClock, address, token: secret, signal: end.signal };
    try {
      for await (const message of watchCluster(how)) {
        if (message.type === "status") return message.body.status;
      }
      throw new Error("the watch ended before it began");
    } finally {
      end.abort();
    }
  },
  survey: ({ address, token }, from, to, bytes) => {
    const { secret, transport } = secureClient(token);
    const { signal } = new AbortController();
    const how = { transport, clock: systemClock, address, token: secret, signal };
    return surveyLink(how, from, to, bytes);
  },
};

function dial(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = systemClock.now();
    const socket = connect({ host, port });
    socket.setTimeout(dialSeconds * 1000, () => {
      socket.destroy(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" }));
    });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.destroy();
      resolve(systemClock.now() - start);
    });
  });
}
