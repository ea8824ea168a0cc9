import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";
import {
  type Channel,
  type Listener,
  openingLimits,
  type Transport,
} from "../transport/transport.ts";
import { Coder } from "./coder.ts";
import type { DeviceDeployment } from "./deployment.ts";
import { Executor } from "./executor.ts";
import { admit, introduce, refuse, staleness } from "./handshake.ts";
import { type Deploy, type Message, type Offer, protocolVersion, type Welcome } from "./message.ts";
import { Neighbours } from "./neighbours.ts";
import { type BlobStore, PartLoader, releaseAll } from "./part-loader.ts";
import {
  decodeMessage,
  encodeMessage,
  malformed,
  type Received,
  tensorFrame,
  tensorOf,
  toWire,
} from "./protocol.ts";

export interface AgentOptions {
  /** The device's name in the topology. */
  readonly name: string;
  /** Address of the coordinator. */
  readonly coordinator: string;
  readonly token: string;
  readonly transport: Transport;
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** Where to accept data channels: an address that the other devices can dial. */
  readonly listen: string;
  readonly cores: number;
  /** What parts may use; `null`: not limited. */
  readonly memoryBytes: number | null;
  /** Processor seconds of this process so far, where the host tells them. */
  readonly processorSeconds?: () => number;
  /** Blobs that are known already; those that arrive are added. Default: none. */
  readonly blobs?: BlobStore;
  readonly onEvent?: (event: AgentEvent) => void;
}

/** What happens to an agent, for people who watch. */
export type AgentEvent =
  | { readonly type: "joined"; readonly coordinator: string }
  | { readonly type: "receiving"; readonly parts: readonly string[]; readonly blobs: number }
  | { readonly type: "loaded"; readonly parts: readonly string[] }
  | { readonly type: "deployed"; readonly generation: number; readonly emulated: boolean }
  | { readonly type: "ended"; readonly error: CodedError | null };

/**
 * The process on a device. It dials the coordinator, receives the parts that the device runs and no
 * others, loads each into a session, opens data channels to its neighbours and serves until it is
 * shut down, its coordinator or a neighbour goes away, or `close`.
 */
export class Agent implements AsyncDisposable {
  readonly name: string;
  /** Resolves when the agent has ended: `null` if it was shut down or closed, else why. */
  readonly ended: Promise<CodedError | null>;
  readonly #options: AgentOptions;
  readonly #listener: Listener;
  readonly #control: Channel;
  readonly #neighbours: Neighbours;
  readonly #stop = new AbortController();
  #loader: PartLoader | null = null;
  #offered = 0;
  #sessions: ReadonlyMap<string, Session> = new Map();
  #deployment: DeviceDeployment | null = null;
  #executor: Executor | null = null;
  #coder: Coder | null = null;
  #failure: CodedError | null = null;
  #ending: Promise<void> | null = null;
  #resolveEnded: (error: CodedError | null) => void = () => undefined;

  /**
   * Joins a cluster.
   *
   * @throws CHANNEL_CLOSED if the coordinator does not answer; PORT_IN_USE; TOKEN_REFUSED;
   * PART_REFUSED if the runtime is not the coordinator's; USAGE_INVALID if the name is unknown or taken
   */
  static async join(options: AgentOptions): Promise<Agent> {
    const { name, token, transport, runtime, clock, cores, memoryBytes } = options;
    const listener = await transport.listen(options.listen, openingLimits);
    try {
      const control = await transport.connect(options.coordinator);
      const { address } = listener;
      const welcome = await introduce(
        control,
        clock,
        {
          type: "join",
          protocol: protocolVersion,
          token,
          name,
          runtime: runtime.name,
          cores,
          memoryBytes,
          address,
        },
        "welcome",
      );
      return new Agent(options, listener, control, welcome);
    } catch (error) {
      await listener.close();
      throw error;
    }
  }

  /** Use `join`. */
  private constructor(
    options: AgentOptions,
    listener: Listener,
    control: Channel,
    { heartbeatSeconds }: Welcome,
  ) {
    this.name = options.name;
    this.#options = options;
    this.#listener = listener;
    this.#control = control;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#neighbours = new Neighbours({
      device: options.name,
      token: options.token,
      transport: options.transport,
      clock: options.clock,
      onMessage: (received, from) => this.#receiveData(received, from),
      onLost: (device, error) => this.#report(device, error),
    });
    options.onEvent?.({ type: "joined", coordinator: options.coordinator });
    void this.#guard(this.#obey());
    void this.#guard(this.#acceptConsumers());
    void this.#guard(this.#beat(heartbeatSeconds));
  }

  /** Leaves the cluster, which ends a run that needs this device. Idempotent. */
  async close(): Promise<void> {
    await this.#end(null);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Does what the coordinator says, until it is gone. */
  async #obey(): Promise<void> {
    for await (const frame of this.#control) {
      if (this.#ending !== null) return;
      const received = decodeMessage(frame);
      const { message } = received;
      if (message.type === "shutdown") {
        await this.#end(null);
        return;
      }
      this.#follow(received);
    }
    const where = `the coordinator at ${this.#options.coordinator}`;
    await this.#end(new CodedError("CHANNEL_CLOSED", `${where} is gone; start the agent again`));
  }

  #follow({ message, payload }: Received): void {
    switch (message.type) {
      case "offer":
        void this.#guard(this.#consider(message));
        return;
      case "blob": {
        if (this.#loader === null) throw malformed("a blob", "no offer came before it");
        this.#loader.accept(message, payload);
        if (this.#loader.missing.length === 0) void this.#guard(this.#load(this.#loader));
        return;
      }
      case "deploy":
        void this.#guard(this.#deploy(message));
        return;
      case "forget":
        if (message.generation === this.#deployment?.generation) {
          this.#executor?.forget(message.request);
        }
        return;
      default:
        throw malformed(`a message '${message.type}'`, "an agent does not expect it");
    }
  }

  async #consider({ generation, body }: Offer): Promise<void> {
    const { name, memoryBytes, runtime, blobs = new Map() } = this.#options;
    const loader = new PartLoader(body.parts, { device: name, memoryBytes, runtime, blobs });
    this.#loader = loader;
    this.#offered = generation;
    const parts = body.parts.map(({ stage }) => stage);
    this.#options.onEvent?.({ type: "receiving", parts, blobs: loader.missing.length });
    const complete = loader.missing.length === 0;
    await this.#tell({ type: "want", generation, body: { blobs: loader.missing } });
    if (complete) await this.#load(loader);
  }

  async #load(loader: PartLoader): Promise<void> {
    const sessions = await loader.load();
    if (this.#ending !== null) {
      await releaseAll(sessions);
      return;
    }
    this.#sessions = sessions;
    this.#options.onEvent?.({ type: "loaded", parts: [...sessions.keys()] });
    await this.#tell({ type: "loaded", generation: this.#offered });
  }

  async #deploy({ generation, body }: Deploy): Promise<void> {
    const { deployment, producers, emulation } = body;
    const { clock, processorSeconds, memoryBytes } = this.#options;
    const coder = await Coder.open(deployment, { clock, processorSeconds, memoryBytes });
    this.#coder = coder;
    this.#deployment = deployment;
    this.#neighbours.emulate(emulation, deployment.forwards);
    this.#executor = new Executor({
      deployment,
      sessions: this.#sessions,
      clock,
      speed: emulation?.speed ?? 1,
      coder,
      deliver: (to, request, tensor, value, codec) => {
        const place = { generation, request, tensor };
        const form = codec === undefined ? {} : { codec };
        return this.#neighbours.send(to, tensorFrame({ ...place, ...form }, value));
      },
      onReport: (report) => void this.#neighbours.tell(report),
      onFailure: (request, error) =>
        void this.#neighbours.tell({
          type: "failure",
          generation,
          request,
          error: toWire(error),
        }),
    });
    await this.#neighbours.dial(null, this.#options.coordinator, generation);
    for (const { device, address } of producers) {
      await this.#neighbours.dial(device, address, generation);
    }
    this.#options.onEvent?.({ type: "deployed", generation, emulated: emulation !== null });
    await this.#tell({ type: "deployed", generation });
  }

  /** @throws FRAME_MALFORMED if `from` has no business to send this */
  #receiveData(received: Received, from: string | null): void {
    const { message, payload } = received;
    if (message.type === "begin" && from === null) {
      if (message.generation === this.#deployment?.generation) {
        this.#executor?.begin(message.request);
      }
      return;
    }
    if (message.type !== "tensor") {
      throw malformed(`a message '${message.type}'`, "a data channel does not carry it");
    }
    // A tensor of another deployment comes too late to matter.
    if (message.generation !== this.#deployment?.generation) return;
    const { tensor, request } = message;
    const expected = this.#deployment.receives.find(
      (other) => other.tensor === tensor && other.from === from,
    );
    if (expected === undefined) {
      throw malformed(`tensor '${tensor}'`, `it does not come from ${from ?? "outside"} here`);
    }
    if (expected.codec === undefined || this.#coder === null) {
      this.#executor?.accept(request, tensor, tensorOf({ message, payload }));
      return;
    }
    const { value, seconds } = this.#coder.decode(expected.codec, { message, payload });
    this.#executor?.accept(request, tensor, value, seconds);
  }

  async #acceptConsumers(): Promise<void> {
    for await (const channel of this.#listener) {
      void this.#guard(this.#acceptConsumer(channel));
    }
  }

  async #acceptConsumer(channel: Channel): Promise<void> {
    const first = await admit(channel, this.#options.clock, this.#options.token);
    if (first === null) return;
    const refusal =
      first.type === "attach"
        ? staleness(first, this.#offered)
        : malformed(`a first message '${first.type}'`, "this is an agent");
    if (first.type !== "attach" || refusal !== null) await refuse(channel, refusal);
    else await this.#neighbours.accept(channel, first);
  }

  async #beat(interval: number): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      const requests = this.#executor?.requests ?? 0;
      const peakRequests = this.#executor?.peakRequests ?? 0;
      await this.#tell({ type: "heartbeat", requests, peakRequests });
      await clock.sleep(seconds(interval), this.#stop.signal).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
    }
  }

  /** A neighbour is gone: the coordinator decides what follows. */
  #report(device: string | null, error: unknown): void {
    if (device === null) return;
    void this.#tell({ type: "lost", device, error: toWire(error) });
  }

  /** Tells the coordinator something. If it is gone, `#obey` ends the agent. */
  async #tell(message: Message): Promise<void> {
    await this.#control.send(encodeMessage(message)).catch(() => undefined);
  }

  /** What goes wrong in a task ends the agent, and the coordinator is told. */
  async #guard(task: Promise<void>): Promise<void> {
    try {
      await task;
    } catch (error) {
      if (this.#ending !== null) return;
      const { code, message, details } = toWire(error);
      const failure = new CodedError(code, message, details, error);
      // Kept, since the coordinator may shut this agent down before `tell` is back.
      this.#failure ??= failure;
      await this.#tell({ type: "failed", error: toWire(error) });
      await this.#end(failure);
    }
  }

  #end(error: CodedError | null): Promise<void> {
    this.#ending ??= this.#shutDown(this.#failure ?? error);
    return this.#ending;
  }

  async #shutDown(error: CodedError | null): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled([
      this.#neighbours.close(),
      this.#listener.close(),
      this.#control.close(),
    ]);
    await releaseAll(this.#sessions);
    this.#options.onEvent?.({ type: "ended", error });
    this.#resolveEnded(error);
  }
}
