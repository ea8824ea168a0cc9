/**
 * The routes of the Open Inference Protocol, and of Triton's extensions for configuration, statistics
 * and the repository.
 *
 * @module
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { CodedError } from "../../base/errors.ts";
import { serverTiming } from "../server-timing.ts";
import type { Admission } from "./admission.ts";
import { compress, readBody } from "./http-body.node.ts";
import { receive, whenFirst } from "./http-visit.node.ts";
import { type HttpHead, readInferRequest } from "./infer-request.ts";
import { type InferResponse, writeInferResponse } from "./infer-response.ts";
import type { Call, InferenceAnswer, InferenceService } from "./inference-service.ts";
import { readJson } from "./json-text.ts";
import type { RequestLimits } from "./limits.ts";
import { modelConfig, modelMetadata, serverMetadata } from "./metadata.ts";
import { checkLoadParameters } from "./parameters.ts";
import { checked, parametersSchema } from "./schema.ts";

export interface RouteOptions {
  readonly service: InferenceService;
  readonly limits: RequestLimits;
  readonly admission: Admission;
  /** Of this program. */
  readonly version: string;
}

interface ModelParams {
  readonly model: string;
  readonly version?: string;
}

/** Every route of a model, with and without its version. */
const modelPaths = ["/v2/models/:model", "/v2/models/:model/versions/:version"];

export function addRoutes(app: FastifyInstance, options: RouteOptions): void {
  const { service, version } = options;
  app.get("/v2", async () => serverMetadata(version));
  app.get("/v2/health/live", async () => ({ live: true }));
  app.get("/v2/health/ready", async (_, reply) =>
    reply.status(service.isReady ? 200 : 503).send({ ready: service.isReady }),
  );
  app.get("/v2/models/stats", async () => ({
    model_stats: service.statistics.of(service.repository),
  }));
  for (const path of modelPaths) addModelRoutes(app, path, options);
  addRepositoryRoutes(app, options);
}

function addModelRoutes(app: FastifyInstance, path: string, options: RouteOptions): void {
  const { service, limits } = options;
  const { repository, statistics } = service;
  app.get<{ Params: ModelParams }>(path, async ({ params }) =>
    modelMetadata(repository.find(params.model, params.version)),
  );
  app.get<{ Params: ModelParams }>(`${path}/config`, async ({ params }) =>
    modelConfig(repository.find(params.model, params.version), limits),
  );
  app.get<{ Params: ModelParams }>(`${path}/stats`, async ({ params }) => ({
    model_stats: statistics.of(repository, params.model, params.version),
  }));
  app.get<{ Params: ModelParams }>(`${path}/ready`, async ({ params }, reply) => {
    const { name, version } = service.find(params.model, params.version);
    const ready = service.isModelReady(name, version);
    return reply.status(ready ? 200 : 503).send({ name, ready });
  });
  app.post<{ Params: ModelParams }>(`${path}/infer`, (request, reply) =>
    infer(request, reply, request.params, options),
  );
}

async function infer(
  request: FastifyRequest,
  reply: FastifyReply,
  { model, version = "" }: ModelParams,
  { service, admission, limits }: RouteOptions,
): Promise<FastifyReply> {
  const { headers } = request;
  const { guest, gone } = receive(admission, reply);
  const body = await outcome(readBody(request, reply, guest, limits));
  const call: Call = {
    model,
    version,
    protocol: "http",
    traceparent: one(headers["traceparent"]),
    tracestate: one(headers["tracestate"]),
    signal: gone,
  };
  const { answer, response } = await service.infer(
    call,
    () => readInferRequest(body(), headOf(request), limits),
    (answer, { id, form }) => {
      const response = writeInferResponse(answer, id, form, limits);
      guest.answered(response.body.byteLength);
      return { answer, response };
    },
  );
  setHeaders(reply, answer, response);
  const sent = await compress(request, reply, response.body);
  whenFirst(reply, () => guest.sending());
  return reply.send(sent);
}

/** What came of a promise, to be looked at where the request is counted. */
async function outcome<T>(promise: Promise<T>): Promise<() => T> {
  try {
    const value = await promise;
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** @throws REQUEST_INVALID */
function headOf({ headers }: FastifyRequest): HttpHead {
  return {
    jsonBytes: jsonBytesOf(one(headers["inference-header-content-length"])),
    idempotencyKey: one(headers["idempotency-key"]),
  };
}

function setHeaders(
  reply: FastifyReply,
  { inference, traceparent }: InferenceAnswer,
  { jsonBytes }: InferResponse,
): void {
  reply.header("server-timing", serverTiming(inference.timings));
  if (traceparent !== null) reply.header("traceparent", traceparent);
  if (jsonBytes === null) {
    reply.type("application/json");
    return;
  }
  reply.type("application/octet-stream");
  // In the casing of the protocol's text: some clients compare names letter by letter.
  reply.raw.setHeader("Inference-Header-Content-Length", jsonBytes);
}

function one(header: string | readonly string[] | undefined): string | null {
  return (typeof header === "string" ? header : header?.[0]) ?? null;
}

/** @returns `null` if there is no such header. @throws REQUEST_INVALID */
function jsonBytesOf(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d{1,15}$/.test(header)) return Number(header);
  throw new CodedError(
    "REQUEST_INVALID",
    `Inference-Header-Content-Length is '${header.slice(0, 60)}'; it is how many bytes of the body are JSON`,
  );
}

const indexSchema = z.object({ ready: z.boolean().optional() });
const changeSchema = z.object({ parameters: parametersSchema.optional() });

function addRepositoryRoutes(app: FastifyInstance, options: RouteOptions): void {
  const { repository } = options.service;
  app.post("/v2/repository/index", async (request, reply) => {
    const { ready = false } = await readObject(request, reply, indexSchema, options);
    return repository.index().filter(({ state }) => !ready || state === "READY");
  });
  app.post<{ Params: ModelParams }>("/v2/repository/models/:model/load", async (request, reply) => {
    const { parameters = {} } = await readObject(request, reply, changeSchema, options);
    checkLoadParameters(parameters);
    await repository.load(request.params.model);
    return reply.send();
  });
  app.post<{ Params: ModelParams }>(
    "/v2/repository/models/:model/unload",
    async (request, reply) => {
      await readObject(request, reply, changeSchema, options);
      await repository.unload(request.params.model);
      return reply.send();
    },
  );
}

/** @throws REQUEST_INVALID, REQUEST_TOO_LARGE */
async function readObject<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  schema: z.ZodType<T>,
  { admission, limits }: RouteOptions,
): Promise<T> {
  const { guest } = receive(admission, reply);
  const body = await readBody(request, reply, guest, limits);
  return checked(
    schema,
    body.byteLength === 0 ? {} : readJson(body.copy(0, body.byteLength), limits),
  );
}
