/**
 * Methods of services as the library wants them: messages are bytes to it, so that what is wrong with one
 * is told with a code.
 *
 * @module
 */
import type { EventEmitter } from "node:events";
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerDuplexStream,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { CodedError } from "../../base/errors.ts";
import type { Guest } from "../oip/guest.ts";
import { nextGuest } from "./admitted-call.node.ts";
import { readMessage } from "./bounded-message.ts";
import type { CallContext } from "./service-methods.ts";
import { statusOf } from "./status.node.ts";

/** A call, whatever its kind. */
interface AnyCall extends EventEmitter {
  readonly metadata: Metadata;
  getDeadline(): Date | number;
  sendMetadata(metadata: Metadata): void;
}

/** Paths and kinds of a service's methods. */
export function serviceDefinition(service: DescService): ServiceDefinition {
  const serialize = (bytes: Uint8Array): Buffer =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const deserialize = (bytes: Buffer): Uint8Array => bytes;
  return Object.fromEntries(
    service.methods.map((method) => [
      method.localName,
      {
        path: pathOf(method),
        requestStream: method.methodKind === "bidi_streaming",
        responseStream: method.methodKind !== "unary",
        requestSerialize: serialize,
        requestDeserialize: deserialize,
        responseSerialize: serialize,
        responseDeserialize: deserialize,
      },
    ]),
  );
}

export function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}

/** One message in, one out. */
export function unaryHandler<Input extends DescMessage, Output extends DescMessage>(
  { input, output }: { readonly input: Input; readonly output: Output },
  answer: (
    request: MessageShape<Input>,
    context: CallContext,
  ) => MessageInitShape<Output> | Promise<MessageInitShape<Output>>,
): handleUnaryCall<Uint8Array, Uint8Array> {
  return async (call, respond) => {
    let bytes: Uint8Array;
    try {
      const context = { ...contextOf(call), answering: answeringOf(nextGuest(call)) };
      const answered = await answer(readMessage(input, call.request), context);
      bytes = toBinary(output, create(output, answered));
    } catch (error) {
      respond(statusOf(error));
      return;
    }
    respond(null, bytes);
  };
}

/** One message in, any number out, until the client goes. */
export function streamingHandler<Input extends DescMessage, Output extends DescMessage>(
  { input, output }: { readonly input: Input; readonly output: Output },
  answer: (
    request: MessageShape<Input>,
    context: Omit<CallContext, "answering">,
  ) => AsyncIterable<MessageInitShape<Output>>,
): handleServerStreamingCall<Uint8Array, Uint8Array> {
  return async (call) => {
    const context = contextOf(call);
    try {
      for await (const message of answer(readMessage(input, call.request), context)) {
        call.write(toBinary(output, create(output, message)));
      }
      call.end();
    } catch (error) {
      if (!context.signal.aborted) call.emit("error", statusOf(error));
    }
  };
}

/**
 * Any number of messages in and as many out, in the same order; they are answered side by side.
 *
 * @param answer does not throw
 */
export function duplexHandler<Input extends DescMessage, Output extends DescMessage>(
  { input, output }: { readonly input: Input; readonly output: Output },
  answer: (request: MessageShape<Input>, context: CallContext) => Promise<MessageInitShape<Output>>,
): (call: ServerDuplexStream<Uint8Array, Uint8Array>) => void {
  return (call) => {
    const context = contextOf(call);
    let last = Promise.resolve();
    const fail = (error: unknown) => {
      if (!context.signal.aborted) call.emit("error", statusOf(error));
    };
    call.on("data", (bytes: Uint8Array) => {
      const answering = answeringOf(nextGuest(call));
      try {
        const answered = answer(readMessage(input, bytes), { ...context, answering });
        const write = async () => {
          const message = await answered;
          if (!context.signal.aborted) call.write(toBinary(output, create(output, message)));
        };
        last = last.then(write).catch(fail);
      } catch (error) {
        last = last.then(() => fail(error));
      }
    });
    call.on("end", () => {
      last = last.then(() => {
        if (!context.signal.aborted) call.end();
      });
    });
  };
}

function answeringOf(guest: Guest | undefined): CallContext["answering"] {
  return (bytes) => guest?.answered(bytes);
}

function contextOf(call: AnyCall): Omit<CallContext, "answering"> {
  const gone = new AbortController();
  call.once("cancelled", () =>
    gone.abort(new CodedError("CHANNEL_CLOSED", "the client has given the call up")),
  );
  return {
    header: (name) => {
      const [value] = call.metadata.get(name);
      return typeof value === "string" ? value : null;
    },
    deadlineSeconds: secondsUntil(call.getDeadline()),
    signal: gone.signal,
    reply: (headers) => {
      const metadata = new Metadata();
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
      call.sendMetadata(metadata);
    },
  };
}

function secondsUntil(deadline: Date | number): number | null {
  const milliseconds = Number(deadline) - Date.now();
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds / 1000) : null;
}
