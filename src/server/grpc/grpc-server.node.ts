/**
 * The Open Inference Protocol over gRPC, as Triton's clients speak it, with gRPC's own health checks.
 * What a call ends with has its code in front: `MODEL_UNKNOWN: there is no model 'x'`.
 *
 * @module
 */
import { setMaxListeners } from "node:events";
import {
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { systemClock } from "../../base/clock.node.ts";
import type { Clock } from "../../base/clock.ts";
import { type Seconds, seconds } from "../../base/units.ts";
import { Admission } from "../oip/admission.ts";
import type { InferenceService } from "../oip/inference-service.ts";
import { defaultLimits, type RequestLimits } from "../oip/limits.ts";
import { type AdmittedService, admitting } from "./admitted-call.node.ts";
import {
  duplexHandler,
  pathOf,
  serviceDefinition,
  streamingHandler,
  unaryHandler,
} from "./call-handlers.node.ts";
import { Health } from "./generated/health_pb.ts";
import { GRPCInferenceService } from "./generated/inference_pb.ts";
import { type GrpcListener, listen } from "./grpc-listener.node.ts";
import { healthMethods } from "./health-methods.ts";
import { inferenceMethods } from "./inference-methods.ts";

export interface GrpcServerOptions {
  readonly service: InferenceService;
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Of this package. */
  readonly version: string;
  readonly limits?: RequestLimits;
  readonly clock?: Clock;
}

export interface GrpcServer extends AsyncDisposable {
  /** For instance `127.0.0.1:8001`. */
  readonly address: string;
  /** Of all messages that are being read or answered, and of answers that were not taken. */
  readonly heldBytes: () => number;
  /**
   * Takes no new requests and closes when those that were taken are answered; what is not within `limit`
   * is given up, see `InferenceService.drain`.
   */
  drain(limit: Seconds): Promise<void>;
  /** Takes no new calls; those under way have a second to end. */
  close(): Promise<void>;
}

/** Calls of one connection at a time; clients hold back others. */
const concurrentCalls = 256;
/** After which a client is asked whether it is there; who does not answer is let go. */
const silenceSeconds = 60;
const answerSeconds = 20;
const closeSeconds: Seconds = seconds(1);
/** Of a message that brings no tensor, and of all of them at a time. */
const otherBytes = 2 ** 20;
const othersBytes = 128 * otherBytes;

/** @throws PORT_IN_USE */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { service, host, port, limits = defaultLimits, clock = systemClock } = options;
  // The library would write a line for everything that is wrong with what clients send.
  setLogVerbosity(logVerbosity.NONE);
  const { bodyBytes, heldBytes } = limits;
  const admissions = {
    inference: new Admission({ heldBytes, pace: limits, clock }),
    coming: new Admission({ heldBytes, pace: limits, clock }),
    others: new Admission({ heldBytes: othersBytes, pace: limits, clock }),
  };
  const closing = new AbortController();
  // Of as many calls as linger.
  setMaxListeners(0, closing.signal);
  const server = new Server({
    "grpc.max_receive_message_length": bodyBytes,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": concurrentCalls,
    "grpc.enable_channelz": 0,
    "grpc.keepalive_time_ms": 1000 * silenceSeconds,
    "grpc.keepalive_timeout_ms": 1000 * answerSeconds,
    interceptors: [
      admitting({
        services: admittedServices(admissions, limits),
        unpackedBytes: bodyBytes,
        cut: (peer) => listener.cut(peer),
        clock,
        closing: closing.signal,
      }),
    ],
  });
  server.addService(
    serviceDefinition(GRPCInferenceService),
    inferenceHandlers({ ...options, limits }),
  );
  server.addService(serviceDefinition(Health), healthHandlers(service, clock));
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = await listen(injector, host, port);
  const close = () => {
    closing.abort();
    return shutDown(server, listener, clock);
  };
  return {
    address: `${bracketed(host)}:${listener.port}`,
    heldBytes: () => Object.values(admissions).reduce((bytes, { held }) => bytes + held, 0),
    drain: async (limit) => {
      const end = clock.now() + limit;
      await service.drain(limit);
      await admissions.inference.sent(seconds(end - clock.now()));
      await close();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Admissions {
  /** Of requests, and of answers that clients have not taken. */
  readonly inference: Admission;
  /** Of what streams bring, until a message is whole. */
  readonly coming: Admission;
  /** Whoever only asks how things are does not wait behind large requests. */
  readonly others: Admission;
}

function admittedServices(
  { inference, coming, others }: Admissions,
  { bodyBytes }: RequestLimits,
): readonly AdmittedService[] {
  const { modelInfer, modelStreamInfer } = GRPCInferenceService.method;
  const requests = { admission: inference, messageBytes: bodyBytes };
  const messageBytes = Math.min(otherBytes, bodyBytes);
  return [
    { ...requests, path: pathOf(modelInfer), coming: null },
    { ...requests, path: pathOf(modelStreamInfer), coming },
    { path: "/", admission: others, coming: others, messageBytes },
  ];
}

function inferenceHandlers(
  options: GrpcServerOptions & { readonly limits: RequestLimits },
): UntypedServiceImplementation {
  const { method } = GRPCInferenceService;
  const { service, limits, version } = options;
  const methods = inferenceMethods({ service, limits, version });
  return {
    serverLive: unaryHandler(method.serverLive, methods.serverLive),
    serverReady: unaryHandler(method.serverReady, methods.serverReady),
    modelReady: unaryHandler(method.modelReady, methods.modelReady),
    serverMetadata: unaryHandler(method.serverMetadata, methods.serverMetadata),
    modelMetadata: unaryHandler(method.modelMetadata, methods.modelMetadata),
    modelInfer: unaryHandler(method.modelInfer, methods.modelInfer),
    modelStreamInfer: duplexHandler(method.modelStreamInfer, methods.streamedInfer),
    modelConfig: unaryHandler(method.modelConfig, methods.modelConfig),
    modelStatistics: unaryHandler(method.modelStatistics, methods.modelStatistics),
    repositoryIndex: unaryHandler(method.repositoryIndex, methods.repositoryIndex),
    repositoryModelLoad: unaryHandler(method.repositoryModelLoad, methods.repositoryModelLoad),
    repositoryModelUnload: unaryHandler(
      method.repositoryModelUnload,
      methods.repositoryModelUnload,
    ),
  };
}

function healthHandlers(service: InferenceService, clock: Clock): UntypedServiceImplementation {
  const methods = healthMethods(service, clock);
  return {
    check: unaryHandler(Health.method.check, methods.check),
    watch: streamingHandler(Health.method.watch, methods.watch),
  };
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

async function shutDown(server: Server, listener: GrpcListener, clock: Clock): Promise<void> {
  const late = new AbortController();
  const closed = listener.close();
  const ended = new Promise<void>((resolve) => {
    server.tryShutdown(() => {
      late.abort();
      resolve();
    });
  });
  try {
    await clock.sleep(closeSeconds, late.signal);
    listener.cutAll();
  } catch {
    // All calls have ended.
  }
  await ended;
  await closed;
}
