/**
 * Status and events of a cluster over HTTP, for dashboards and scripts:
 *
 * - `GET /v1/status`: how things stand, as one `partita.status/1` document;
 * - `GET /v1/events`: what happens, as server-sent events. Each has the event's type as its name, a
 *   number as its id, and the event as JSON; a client that comes back with `Last-Event-ID` gets what
 *   it missed, or all that is remembered if the coordinator was started again meanwhile. Once a
 *   second there is an event `status` with the whole document.
 *
 * Both want the cluster's secret: `Authorization: Bearer SECRET`, or `?token=SECRET` for browsers'
 * EventSource, which cannot send headers.
 *
 * @module
 */
import { Readable } from "node:stream";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { systemClock } from "../base/clock.node.ts";
import { CodedError, errorTraits, isCoded, messageOf } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { isSameSecret } from "../cluster/secret.ts";
import type { ClusterStatus } from "../cluster/status.ts";
import type { EventLog } from "./event-log.ts";

export interface StatusServerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly secret: string;
  readonly status: () => ClusterStatus;
  readonly events: EventLog;
}

export interface StatusServer extends AsyncDisposable {
  /** For instance `http://127.0.0.1:7080`. */
  readonly url: string;
  close(): Promise<void>;
}

const statusSeconds = seconds(1);
const headerLimit = 16_384;

/** @throws PORT_IN_USE */
export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { host, port } = options;
  const stop = new AbortController();
  const app = Fastify({
    forceCloseConnections: true,
    bodyLimit: 1024,
    http: { maxHeaderSize: headerLimit },
  });
  app.setErrorHandler((error, _, reply) => refuse(reply, error));
  app.setNotFoundHandler((request, reply) =>
    refuse(
      reply,
      new CodedError(
        "USAGE_INVALID",
        `there is no ${request.method} ${request.url.split("?")[0]}; try GET /v1/status or GET /v1/events`,
      ),
      404,
    ),
  );
  app.addHook("onRequest", async (request) => authorise(request, options.secret));
  app.get("/v1/status", async () => options.status());
  app.get("/v1/events", (request, reply) => stream(request, reply, options, stop.signal));
  const url = await listen(app, host, port);
  const close = async (): Promise<void> => {
    stop.abort();
    await app.close();
  };
  return { url, close, [Symbol.asyncDispose]: close };
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    throw new CodedError(
      "PORT_IN_USE",
      `cannot serve status at ${host}:${port} (${messageOf(error)}); choose another with --http`,
      { host, port },
      error,
    );
  }
}

/** @throws TOKEN_REFUSED */
function authorise(request: FastifyRequest, secret: string): void {
  const { token } = request.query as { readonly token?: unknown };
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const shown = bearer ?? (typeof token === "string" ? token : "");
  if (isSameSecret(shown, secret)) return;
  throw new CodedError(
    "TOKEN_REFUSED",
    "the token is not the one of this cluster; send Authorization: Bearer TOKEN with the part of the token in front of the dot",
  );
}

function refuse(reply: FastifyReply, error: unknown, status?: number): FastifyReply {
  const own = (error as { readonly statusCode?: unknown }).statusCode;
  const unforeseen = typeof own === "number" ? own : 500;
  const code = isCoded(error) ? error.code : "USAGE_INVALID";
  const httpStatus = status ?? (isCoded(error) ? errorTraits[error.code].httpStatus : unforeseen);
  return reply.status(httpStatus).send({ error: { code, message: messageOf(error) } });
}

function stream(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, events }: StatusServerOptions,
  ended: AbortSignal,
): FastifyReply {
  const gone = new AbortController();
  const end = () => gone.abort();
  request.raw.socket.once("close", end);
  ended.addEventListener("abort", end, { once: true });
  gone.signal.addEventListener("abort", () => ended.removeEventListener("abort", end));
  const last = Number(request.headers["last-event-id"]);
  const source = merge(events, status, gone.signal, Number.isInteger(last) ? last : undefined);
  return reply
    .header("content-type", "text/event-stream")
    .header("cache-control", "no-store")
    .send(Readable.from(source));
}

async function* merge(
  events: EventLog,
  status: () => ClusterStatus,
  signal: AbortSignal,
  after: number | undefined,
): AsyncGenerator<string> {
  const following = events.follow(signal, after);
  // Begun before anything is told, so that nothing falls in between.
  let event = following.next();
  yield written("status", status());
  let tick = systemClock.sleep(statusSeconds, signal).catch(() => undefined);
  while (!signal.aborted) {
    const next = await Promise.race([event, tick]);
    if (next === undefined) {
      tick = systemClock.sleep(statusSeconds, signal).catch(() => undefined);
      if (!signal.aborted) yield written("status", status());
    } else if (next.done === true) return;
    else {
      event = following.next();
      yield written(next.value.event.type, next.value.event, next.value.id);
    }
  }
}

function written(name: string, data: unknown, id?: number): string {
  const number = id === undefined ? "" : `id: ${id}\n`;
  return `${number}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
