/**
 * Where clients ask and monitors look, by all protocols.
 *
 * @module
 */
import Fastify from "fastify";
import { systemClock } from "../../base/clock.node.ts";
import { CodedError, messageOf } from "../../base/errors.ts";
import type { Seconds } from "../../base/units.ts";
import { startGrpcServer } from "../../server/grpc/grpc-server.node.ts";
import { Metrics } from "../../server/metrics/metrics.node.ts";
import { metricsRoutes } from "../../server/metrics/metrics-routes.node.ts";
import { startHttpServer } from "../../server/oip/http-server.node.ts";
import { InferenceService } from "../../server/oip/inference-service.ts";
import { parseAddress } from "../../transport/tcp-listener.node.ts";
import { isLoopback } from "../security.ts";
import type { Terminal } from "../terminal.ts";
import { openTracing } from "../tracing-environment.ts";
import { version } from "../version.ts";
import type { Serving } from "./start-serving.ts";

export interface DoorChoices {
  readonly http: string;
  readonly grpc: string;
  /** Beside `http`, which has them, too; left out: nowhere else. */
  readonly metrics: string | undefined;
}

export interface Doors extends AsyncDisposable {
  /** As a URL. */
  readonly http: string;
  readonly grpc: string;
  /** As a URL. */
  readonly metrics: string;
  /** Takes nothing new, and resolves when what was asked is answered, or given up after `limit`. Idempotent. */
  drain(limit: Seconds): Promise<void>;
}

/** @throws PORT_IN_USE */
export async function openDoors(
  choices: DoorChoices,
  { models, watchers }: Pick<Serving, "models" | "watchers">,
  terminal: Terminal,
): Promise<Doors> {
  const metrics = new Metrics(() => models.statuses);
  watchers.add((model, event) => metrics.happened(model, event));
  const tracing = await openTracing(terminal);
  const service = new InferenceService({
    repository: models,
    observers: tracing === null ? [metrics] : [metrics, tracing.observer],
    clock: systemClock,
    calendar: Date.now,
  });
  const opened: AsyncDisposable[] = tracing === null ? [] : [tracing];
  const end = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((door) => door[Symbol.asyncDispose]()));
  };
  try {
    const mount = metricsRoutes(metrics);
    const http = await startHttpServer({ ...parseAddress(choices.http), version, service, mount });
    opened.push(http);
    const grpc = await startGrpcServer({ ...parseAddress(choices.grpc), version, service });
    opened.push(grpc);
    let metricsUrl = http.url;
    if (choices.metrics !== undefined) {
      const apart = await serveMetrics(choices.metrics, metrics);
      opened.push(apart);
      metricsUrl = apart.url;
    }
    warnOfOpen([choices.http, choices.grpc], terminal);
    let drained: Promise<void> | null = null;
    const drain = async (limit: Seconds): Promise<void> => {
      await Promise.all([http.drain(limit), grpc.drain(limit)]);
    };
    return {
      http: http.url,
      grpc: grpc.address,
      metrics: metricsUrl,
      drain: (limit) => {
        drained ??= drain(limit);
        return drained;
      },
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

function warnOfOpen(addresses: readonly string[], terminal: Terminal): void {
  for (const address of addresses) {
    if (isLoopback(address)) continue;
    terminal.note(
      `warning: ${address} is open to whoever reaches it, and not encrypted: keep it behind a proxy or in a network of your own`,
    );
  }
}

/** @throws PORT_IN_USE */
async function serveMetrics(
  address: string,
  metrics: Metrics,
): Promise<AsyncDisposable & { readonly url: string }> {
  const app = Fastify({ forceCloseConnections: true });
  metricsRoutes(metrics)(app);
  try {
    const url = await app.listen(parseAddress(address));
    return { url, [Symbol.asyncDispose]: () => app.close() };
  } catch (error) {
    const message = `cannot serve metrics at ${address} (${messageOf(error)}); choose another with --metrics`;
    throw new CodedError("PORT_IN_USE", message, { address }, error);
  }
}
