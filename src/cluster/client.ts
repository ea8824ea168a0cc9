import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { DeclaredTensor } from "../runtime/signature.ts";
import type { Channel, Transport } from "../transport/transport.ts";
import { introduce } from "./handshake.ts";
import type { Inference } from "./inference.ts";
import { type Opened, protocolVersion } from "./message.ts";
import { Outbox } from "./outbox.ts";
import {
  decodeMessage,
  encodeMessage,
  fromWire,
  malformed,
  type Received,
  tensorFrame,
  tensorOf,
} from "./protocol.ts";

export interface ClientOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Of the coordinator. */
  readonly address: string;
  readonly token: string;
}

/** A program that asks a running coordinator. Requests overlap; answers may overtake each other. */
export interface Client extends AsyncDisposable {
  readonly model: string;
  readonly inputs: readonly DeclaredTensor[];
  readonly outputs: readonly DeclaredTensor[];
  /** Whether speeds and links are imitated on one machine. */
  readonly emulated: boolean;
  /** How many requests are taken at once; more wait here. */
  readonly window: number;
  /**
   * @param deadlineSeconds `null` (the default): as long as it takes
   * @throws TENSOR_UNKNOWN, TENSOR_TYPE_MISMATCH, TENSOR_SHAPE_MISMATCH, REQUEST_DEADLINE_EXCEEDED,
   * DEVICE_LOST, RUNTIME_FAILED; CHANNEL_CLOSED if the coordinator goes away
   */
  infer(inputs: TensorValues, deadlineSeconds?: number | null): Promise<Inference>;
  close(): Promise<void>;
}

/**
 * Connects to a coordinator that is up.
 *
 * @throws CHANNEL_CLOSED if nobody answers, TOKEN_REFUSED
 */
export async function connectClient(options: ClientOptions): Promise<Client> {
  const { transport, clock, address, token } = options;
  const channel = await transport.connect(address);
  const open = { type: "open", protocol: protocolVersion, token } as const;
  const opened = await introduce(channel, clock, open, "opened");
  return new ConnectedClient(channel, clock, opened);
}

interface Waiting {
  readonly outputs: Record<string, TensorValue>;
  readonly resolve: (inference: Inference) => void;
  readonly reject: (error: unknown) => void;
}

class ConnectedClient implements Client {
  readonly model: string;
  readonly inputs: readonly DeclaredTensor[];
  readonly outputs: readonly DeclaredTensor[];
  readonly emulated: boolean;
  readonly window: number;
  readonly #channel: Channel;
  readonly #outbox: Outbox;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #failure: CodedError | null = null;

  constructor(channel: Channel, clock: Clock, opened: Opened) {
    this.model = opened.model;
    this.inputs = opened.inputs;
    this.outputs = opened.outputs;
    this.emulated = opened.emulated;
    this.window = opened.window;
    this.#channel = channel;
    this.#outbox = new Outbox(channel, clock);
    void this.#listen();
  }

  async infer(inputs: TensorValues, deadlineSeconds: number | null = null): Promise<Inference> {
    if (this.#failure !== null) throw this.#failure;
    this.#last++;
    const request = this.#last;
    const answered = new Promise<Inference>((resolve, reject) => {
      this.#waiting.set(request, { outputs: {}, resolve, reject });
    });
    const frames = [
      ...Object.entries(inputs).map(([tensor, value]) =>
        tensorFrame({ generation: 0, request, tensor }, value),
      ),
      encodeMessage({ type: "ask", request, deadlineSeconds }),
    ];
    // Queued together, so that tensors of two requests do not alternate.
    for (const frame of frames) {
      void this.#outbox.send(frame).catch((error) => {
        this.#waiting.get(request)?.reject(error);
        this.#waiting.delete(request);
      });
    }
    return await answered;
  }

  async close(): Promise<void> {
    await this.#channel.close();
    this.#end(new CodedError("CHANNEL_CLOSED", "the client was closed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #listen(): Promise<void> {
    try {
      for await (const frame of this.#channel) this.#take(decodeMessage(frame));
      this.#end(new CodedError("CHANNEL_CLOSED", "the coordinator closed the channel"));
    } catch (error) {
      this.#end(error);
      await this.#channel.close();
    }
  }

  #take({ message, payload }: Received): void {
    if (message.type !== "tensor" && message.type !== "answer" && message.type !== "failure") {
      throw malformed(`a message '${message.type}'`, "a coordinator does not send it to clients");
    }
    const waiting = this.#waiting.get(message.request);
    if (message.type === "tensor") {
      if (waiting !== undefined) waiting.outputs[message.tensor] = tensorOf({ message, payload });
      return;
    }
    this.#waiting.delete(message.request);
    if (message.type === "answer") {
      waiting?.resolve({ outputs: waiting.outputs, timings: message.timings });
    } else if (waiting === undefined) {
      throw fromWire(message.error);
    } else {
      waiting.reject(fromWire(message.error));
    }
  }

  #end(cause: unknown): void {
    this.#failure ??=
      cause instanceof CodedError
        ? cause
        : new CodedError("CHANNEL_CLOSED", "the channel to the coordinator failed", {}, cause);
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}
