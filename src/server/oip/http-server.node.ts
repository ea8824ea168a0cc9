/**
 * The Open Inference Protocol over HTTP.
 *
 * @module
 */
import type { Socket } from "node:net";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { systemClock } from "../../base/clock.node.ts";
import type { Clock } from "../../base/clock.ts";
import { CodedError, type ErrorCode, errorTraits, isCoded, messageOf } from "../../base/errors.ts";
import { type Seconds, seconds } from "../../base/units.ts";
import { Admission } from "./admission.ts";
import { addRoutes } from "./http-routes.node.ts";
import type { InferenceService } from "./inference-service.ts";
import { defaultLimits, type RequestLimits, transferSecondsOf } from "./limits.ts";

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Of this program, for clients that ask. */
  readonly version: string;
  readonly service: InferenceService;
  /** Default: `defaultLimits`. */
  readonly limits?: Partial<RequestLimits>;
  readonly clock?: Clock;
  /** Adds further routes. */
  readonly mount?: (app: FastifyInstance) => void;
}

export interface HttpServer extends AsyncDisposable {
  /** For instance `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Of all requests that are being read or answered, and of answers that were not taken. */
  readonly heldBytes: () => number;
  /**
   * Takes no new requests and closes when those that were taken are answered; what is not within `limit`
   * is given up, see `InferenceService.drain`.
   */
  drain(limit: Seconds): Promise<void>;
  /** Closes at once: what is unanswered stays so. */
  close(): Promise<void>;
}

/** How long a client may take to end what is no request yet when a server has drained. */
const lastMilliseconds = 5000;
/** How often within the time for the head of a request it is looked whether that is over. */
const checksOfHead = 4;
/** Characters of a name in a path. */
const longestParam = 1024;
/** Characters of an error: names that clients give stand in it. */
const longestError = 4096;

/** @throws PORT_IN_USE */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, service, version, clock = systemClock } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const admission = new Admission({ heldBytes: limits.heldBytes, pace: limits, clock });
  const app = createApp(limits);
  addRoutes(app, { service, limits, admission, version });
  options.mount?.(app);
  const url = await listen(app, host, port);
  const close = async (): Promise<void> => {
    const closed = app.close();
    app.server.closeAllConnections();
    await closed;
  };
  return {
    url,
    heldBytes: () => admission.held,
    drain: async (limit) => {
      const end = clock.now() + limit;
      await service.drain(limit);
      await admission.sent(seconds(end - clock.now()));
      const cut = setTimeout(() => app.server.closeAllConnections(), lastMilliseconds);
      await app.close();
      clearTimeout(cut);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function createApp(limits: RequestLimits): FastifyInstance {
  const { headerBytes, bodyBytes, headSeconds, stallSeconds } = limits;
  const headMilliseconds = 1000 * headSeconds;
  const app = Fastify({
    forceCloseConnections: "idle",
    requestTimeout: Math.ceil(1000 * transferSecondsOf(bodyBytes, limits)),
    http: {
      maxHeaderSize: headerBytes,
      headersTimeout: headMilliseconds,
      connectionsCheckingInterval: headMilliseconds / checksOfHead,
    },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: longestParam },
    frameworkErrors: (error, _, reply) => void refuse(reply, error),
    clientErrorHandler: (error, socket) => refuseSocket(error, socket, limits),
  });
  // Not for whole connections: they may be silent while a model runs, also behind an earlier answer.
  app.addHook("onSend", async (_, { raw }) => {
    raw.setTimeout(1000 * stallSeconds);
    raw.prependOnceListener("finish", () => raw.setTimeout(0));
  });
  app.setErrorHandler((error, _, reply) => refuse(reply, error));
  app.setNotFoundHandler(({ method, url }, reply) =>
    refuse(reply, unknownRoute(method, url), notFound),
  );
  // Handlers read bodies themselves: their limits depend on one another.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_, payload, done) => done(null, payload));
  return app;
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    throw new CodedError(
      "PORT_IN_USE",
      `cannot serve models at ${host}:${port} (${messageOf(error)}); choose another with --http`,
      { host, port },
      error,
    );
  }
}

const notFound = 404;
const serverFault = 500;

function unknownRoute(method: string, url: string): CodedError {
  return new CodedError(
    "REQUEST_INVALID",
    `there is no ${method} ${(url.split("?")[0] ?? "").slice(0, 200)}; GET /v2 says what this server is`,
  );
}

/** An error as the protocol writes it. */
function refuse(reply: FastifyReply, reason: unknown, ownStatus?: number): FastifyReply {
  const { code, message, status } = outward(reason);
  const error = `${code}: ${message}`.slice(0, longestError);
  return reply.status(ownStatus ?? status).send({ error });
}

function outward(error: unknown): { code: ErrorCode; message: string; status: number } {
  if (isCoded(error)) {
    const { code, message } = error;
    return { code, message, status: errorTraits[code].httpStatus };
  }
  // The framework's own name what is wrong with a request; anything else was a bug.
  const { statusCode } = error as { readonly statusCode?: unknown };
  const isRequest = typeof statusCode === "number" && statusCode < serverFault;
  return isRequest
    ? { code: "REQUEST_INVALID", message: messageOf(error), status: statusCode }
    : { code: "RUNTIME_FAILED", message: `unexpected: ${messageOf(error)}`, status: serverFault };
}

/** What is no HTTP gets an answer, too; nothing in front of this sees it, nor the connection after it. */
function refuseSocket(
  error: Error & { readonly code?: string },
  socket: Socket,
  { stallSeconds }: RequestLimits,
): void {
  if (socket.destroyed || !socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const [status, text] = socketAnswers[error.code ?? ""] ?? otherwise;
  const body = JSON.stringify({ error: text });
  const cut = setTimeout(() => socket.destroy(), 1000 * stallSeconds);
  socket.once("close", () => clearTimeout(cut));
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
}

const socketAnswers: Readonly<Record<string, readonly [string, string]>> = {
  HPE_HEADER_OVERFLOW: [
    "431 Request Header Fields Too Large",
    "REQUEST_TOO_LARGE: the headers of the request exceed the limit of this server",
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    "408 Request Timeout",
    "REQUEST_INVALID: the request did not come to its end in time",
  ],
};
const otherwise = ["400 Bad Request", "REQUEST_INVALID: what came is no HTTP/1.1 request"] as const;
