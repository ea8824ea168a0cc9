/**
 * The Open Inference Protocol over gRPC, as Triton's clients speak it, with gRPC's own health checks.
 * What a call ends with has its code in front: `MODEL_UNKNOWN: there is no model 'x'`.
 *
 * @module
 */
import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { systemClock } from "../../base/clock.node.ts";
import type { Clock } from "../../base/clock.ts";
import { CodedError, messageOf } from "../../base/errors.ts";
import { type Seconds, seconds } from "../../base/units.ts";
import type { InferenceService } from "../oip/inference-service.ts";
import { defaultLimits, type RequestLimits } from "../oip/limits.ts";
import { Admission } from "./admission.ts";
import { admitting } from "./admitted-call.node.ts";
import {
  duplexHandler,
  pathOf,
  serviceDefinition,
  streamingHandler,
  unaryHandler,
} from "./call-handlers.node.ts";
import { Health } from "./generated/health_pb.ts";
import { GRPCInferenceService } from "./generated/inference_pb.ts";
import { healthMethods } from "./health-methods.ts";
import { inferenceMethods } from "./inference-methods.ts";
import { statusOf } from "./status.node.ts";

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
  /** Takes no new calls; those under way have a second to end. Drain the service before. */
  close(): Promise<void>;
}

/** Calls of one connection at a time; clients hold back others. */
const concurrentCalls = 256;
/** After which a client is asked whether it is there; who does not answer is let go. */
const silenceSeconds = 60;
const closeSeconds: Seconds = seconds(1);

/** @throws PORT_IN_USE */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { host, port, limits = defaultLimits, clock = systemClock } = options;
  // The library would write a line for everything that is wrong with what clients send.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server({
    "grpc.max_receive_message_length": limits.bodyBytes,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": concurrentCalls,
    "grpc.enable_channelz": 0,
    "grpc.keepalive_time_ms": 1000 * silenceSeconds,
    interceptors: [admittingCalls(limits, clock)],
  });
  server.addService(
    serviceDefinition(GRPCInferenceService),
    inferenceHandlers({ ...options, limits }),
  );
  server.addService(serviceDefinition(Health), healthHandlers(options.service, clock));
  const bound = await listen(server, host, port);
  const close = () => shutDown(server, clock);
  return { address: `${bracketed(host)}:${bound}`, close, [Symbol.asyncDispose]: close };
}

/** Whoever only asks how things are does not wait behind large requests. */
function admittingCalls(limits: RequestLimits, clock: Clock): ReturnType<typeof admitting> {
  const { bodyBytes, heldBytes } = limits;
  const { modelInfer, modelStreamInfer } = GRPCInferenceService.method;
  const inference = new Admission({ heldBytes, clock });
  const others = new Admission({ heldBytes: 2 * bodyBytes, clock });
  const services = [
    { path: pathOf(modelInfer), admission: inference },
    { path: pathOf(modelStreamInfer), admission: inference },
    { path: "/", admission: others },
  ];
  return admitting(services, bodyBytes);
}

function inferenceHandlers(
  options: GrpcServerOptions & { readonly limits: RequestLimits },
): UntypedServiceImplementation {
  const { method } = GRPCInferenceService;
  const { service, limits, version } = options;
  const methods = inferenceMethods({ service, limits, version });
  const streams = duplexHandler(method.modelStreamInfer, methods.streamedInfer);
  return {
    serverLive: unaryHandler(method.serverLive, methods.serverLive),
    serverReady: unaryHandler(method.serverReady, methods.serverReady),
    modelReady: unaryHandler(method.modelReady, methods.modelReady),
    serverMetadata: unaryHandler(method.serverMetadata, methods.serverMetadata),
    modelMetadata: unaryHandler(method.modelMetadata, methods.modelMetadata),
    modelInfer: unaryHandler(method.modelInfer, methods.modelInfer),
    modelStreamInfer: atMost(Math.max(1, Math.floor(limits.heldBytes / limits.bodyBytes)), streams),
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

type Duplex = ServerDuplexStream<Uint8Array, Uint8Array>;

/** Refuses streams beyond a number: each may bring a large message at any time. */
function atMost(most: number, handler: (call: Duplex) => void): (call: Duplex) => void {
  let open = 0;
  return (call) => {
    if (open >= most) {
      const message = `${open} streams are open, and this server takes no more at a time; use ModelInfer, or try again later`;
      call.emit("error", statusOf(new CodedError("DEVICE_BUSY", message, { limit: most })));
      return;
    }
    open++;
    call.once("cancelled", () => open--);
    handler(call);
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const address = `${bracketed(host)}:${port}`;
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) {
        resolve(bound);
        return;
      }
      const message = `cannot serve gRPC at ${address} (${messageOf(error)}); choose another with --grpc`;
      reject(new CodedError("PORT_IN_USE", message, { host, port }, error));
    });
  });
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

async function shutDown(server: Server, clock: Clock): Promise<void> {
  const late = new AbortController();
  const ended = new Promise<void>((resolve) => {
    server.tryShutdown(() => {
      late.abort();
      resolve();
    });
  });
  try {
    await clock.sleep(closeSeconds, late.signal);
    server.forceShutdown();
  } catch {
    // All calls have ended.
  }
  await ended;
}
