import type { Clock } from "../base/clock.ts";
import type { CodedError } from "../base/errors.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Channel } from "../transport/transport.ts";
import type { AgentEvent } from "./agent-options.ts";
import type { GatewayDeployment } from "./control-message.ts";
import type { Failure, TensorMessage } from "./data-message.ts";
import type { RequestTrace } from "./gateway/request-trace.ts";
import { Gateway, type GatewayLines } from "./gateway.ts";
import type { Message } from "./message.ts";
import type { Received } from "./protocol.ts";

export interface OwnGatewayOptions {
  readonly device: string;
  readonly clock: Clock;
  readonly lines: GatewayLines;
  readonly heartbeatSeconds: () => number;
  /** Tells the coordinator something; if it is away, nothing. */
  readonly tell: (message: Message) => void;
  readonly onEvent: (event: AgentEvent) => void;
  readonly onTrace: (trace: RequestTrace) => void;
}

/** The gateway of a device, from the first generation on of which it is the source. */
export class OwnGateway {
  readonly #options: OwnGatewayOptions;
  /** By generation, those to come too. */
  readonly #constants = new Map<number, Map<string, TensorValue>>();
  readonly #drained = new Set<number>();
  #gateway: Gateway | null = null;
  /** What the coordinator said last. */
  #latestServe = 0;

  constructor(options: OwnGatewayOptions) {
    this.#options = options;
  }

  get isThere(): boolean {
    return this.#gateway !== null;
  }

  /** What it serves; `null`: nothing, or it is not there. */
  get serving(): number | null {
    return this.#gateway?.serving ?? null;
  }

  /** A graph output that depends on no input, for a generation to come. */
  takeConstant({ generation, tensor }: TensorMessage, value: TensorValue): void {
    const constants = this.#constants.get(generation) ?? new Map<string, TensorValue>();
    constants.set(tensor, value);
    this.#constants.set(generation, constants);
  }

  /** This device is the source of a generation. */
  know(generation: number, deployed: GatewayDeployment): void {
    const constants = Object.fromEntries(this.#constants.get(generation) ?? []);
    this.#gateway ??= this.#create();
    this.#gateway.know(generation, deployed, constants);
  }

  /** As the coordinator says. */
  serve(generation: number, replay: boolean): void {
    this.#latestServe = generation;
    this.#gateway?.serve(generation, replay);
  }

  /** What nobody said: all others are gone. */
  serveAlone(generation: number): void {
    this.#gateway?.serve(generation, true);
  }

  suspend(error: Failure["error"]): void {
    this.#gateway?.suspend(error);
  }

  /** A generation is over here. */
  retire(generation: number): void {
    this.#gateway?.retire(generation);
  }

  /** A generation is over everywhere. */
  forget(generation: number): void {
    this.retire(generation);
    this.#constants.delete(generation);
    this.#drained.delete(generation);
  }

  lost(device: string): void {
    this.#gateway?.lost(device);
  }

  reached(device: string): void {
    this.#gateway?.reached(device);
  }

  /** As `Gateway.expects`; nothing, while it is not there. */
  expects(device: string, message: TensorMessage): boolean {
    return this.#gateway?.expects(device, message) ?? false;
  }

  /** As `Gateway.hear`. */
  hear(device: string, received: Received): void {
    this.#gateway?.hear(device, received);
  }

  /** The coordinator may have missed which generations have drained. */
  sayDrained(): void {
    for (const generation of this.#drained) this.#options.tell({ type: "drained", generation });
  }

  /** Serves a client, if it is there, until its channel ends. */
  async welcomeClient(channel: Channel): Promise<void> {
    await this.#gateway?.welcomeClient(channel);
  }

  async close(error: CodedError): Promise<void> {
    await this.#gateway?.close(error);
  }

  #create(): Gateway {
    const { device, clock, lines, heartbeatSeconds, tell, onEvent, onTrace } = this.#options;
    return new Gateway({
      ...{ device, clock, lines, heartbeatSeconds, onTrace },
      onServing: (generation) => {
        tell({ type: "serving", generation });
        onEvent({ type: "serving", generation, alone: generation !== this.#latestServe });
      },
      onDrained: (generation) => {
        this.#drained.add(generation);
        tell({ type: "drained", generation });
      },
      onMeasured: (measured) => tell(measured),
    });
  }
}
