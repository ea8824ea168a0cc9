import { CodedError } from "../base/errors.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Channel } from "../transport/transport.ts";
import type { AgentEvent, AgentOptions } from "./agent-options.ts";
import { Changes } from "./changes.ts";
import type { Deploy, DialBack, Emulation, Heartbeat, Probe } from "./control-message.ts";
import type {
  Attach,
  Begin,
  DataChannelKind,
  Failure,
  Kept,
  Recall,
  Report,
  Settled,
  TensorMessage,
} from "./data-message.ts";
import { DeviceChannels } from "./device-channels.ts";
import type { DeviceResources, Tenancy } from "./device-resources.ts";
import type { ExecutorOptions } from "./executor.ts";
import type { GenerationRun } from "./generation-run.ts";
import type { Generations } from "./generations.ts";
import { refuse } from "./handshake.ts";
import type { Liveness } from "./liveness.ts";
import type { Message } from "./message.ts";
import type { Neighbours } from "./neighbours.ts";
import type { Sent } from "./outbox.ts";
import { OwnGateway } from "./own-gateway.ts";
import { coded, encodeMessage, type Received } from "./protocol.ts";
import { requireOnlyClosed } from "./refused-channels.ts";
import { Sources } from "./sources.ts";
import { Standby } from "./standby.ts";

export interface DataPlaneOptions {
  readonly agent: AgentOptions;
  readonly resources: DeviceResources;
  readonly tenancy: Tenancy;
  readonly generations: Generations;
  readonly liveness: () => Liveness;
  /** Tells the coordinator something; if it is away, nothing. */
  readonly tell: (message: Message) => void;
  readonly onEvent: (event: AgentEvent) => void;
}

type Tensor = Parameters<ExecutorOptions["deliver"]>;

const orphanSeconds = 1;
const emptyPayload = new Uint8Array(0);

/**
 * What goes between a device and the others: its channels, the generations that they feed, and on the
 * source the gateway, which the device itself reaches without any channel.
 */
export class DataPlane {
  readonly #options: DataPlaneOptions;
  readonly #device: string;
  readonly #channels: DeviceChannels;
  readonly #neighbours: Neighbours;
  readonly #standby: Standby;
  readonly #sources: Sources;
  readonly #gateway: OwnGateway;
  /** A device is reached again, or generations have ended. */
  readonly #changes = new Changes();

  constructor(options: DataPlaneOptions) {
    const { agent, resources, liveness, tell, onEvent } = options;
    const { name, clock } = agent;
    this.#options = options;
    this.#device = name;
    this.#sources = new Sources(() => options.generations.sources);
    this.#gateway = this.#openGateway();
    this.#channels = new DeviceChannels({
      ...agent,
      resources,
      device: name,
      liveness,
      tell,
      onEvent,
      isExpected: (kind, device, message) =>
        kind === "hop"
          ? this.#options.generations.expects(device, message)
          : this.#gateway.expects(device, message),
      onMessage: (kind, device, received, transit) =>
        this.#hear(kind, device, received, transit.seconds),
      onLost: (device) => {
        this.#gateway.lost(device);
        this.#standby.lost(device);
      },
      onReached: (device) => {
        this.#changes.tell();
        this.#standby.reached(device);
        this.#options.generations.reached(device);
        this.#gateway.reached(device);
      },
    });
    this.#neighbours = this.#channels.neighbours;
    this.#standby = new Standby({
      clock,
      orphanSeconds: agent.orphanSeconds ?? orphanSeconds,
      needs: (device) => this.#isServed(device),
      activate: (generation) => this.#goAlone(generation),
    });
  }

  /** What the gateway serves; `null`: nothing, or there is none here. */
  get serving(): number | null {
    return this.#gateway.serving;
  }

  /** Bytes that wait in the channels. */
  get heldBytes(): number {
    return this.#neighbours.heldBytes;
  }

  get underWay(): Pick<Heartbeat, "pending" | "arriving"> {
    const { pending, arriving } = this.#channels;
    return { pending, arriving };
  }

  /**
   * Connects what a generation needs, and begins to run it.
   *
   * @returns whether all its channels stand; if not, something has changed since they did not
   */
  async deploy(deploy: Deploy, run: GenerationRun): Promise<boolean> {
    const { peers, emulation, gateway } = deploy.body;
    if (run.stands) return true;
    this.#neighbours.know(peers);
    this.#sources.know(deploy.body);
    this.emulate(emulation);
    if (gateway !== null) this.#gateway.know(run.generation, gateway);
    const changed = this.#changes.next();
    const connected = await Promise.allSettled([
      ...run.neighbours.map((device) => this.#connect("hop", device)),
      ...run.reporters.map((device) => this.#connect("gateway", device)),
    ]);
    const failures = connected.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    if (failures.length > 0) {
      requireOnlyClosed(failures);
      await changed;
      return false;
    }
    if (run.isDropped) return false;
    run.stands = true;
    if (run.isStandby) this.#standby.arm(run.generation);
    this.#tidy();
    return true;
  }

  emulate(emulation: Emulation | null): void {
    this.#options.tenancy.processor.setSpeed(emulation?.speed ?? 1);
    this.#neighbours.emulate(emulation, (...tensor) => {
      // Of several plans the newest one: a tensor weighs the same in all.
      for (const run of this.#options.generations.deployed.reverse()) {
        const weight = run.weightOf(...tensor);
        if (weight !== undefined) return weight;
      }
      return undefined;
    });
  }

  /** A graph output that depends on no input, for a generation to come. */
  takeConstant(message: TensorMessage, value: TensorValue): void {
    this.#gateway.takeConstant(message, value);
  }

  serve(generation: number, replay: boolean): void {
    this.#gateway.serve(generation, replay);
  }

  suspend(error: Failure["error"]): void {
    this.#gateway.suspend(error);
  }

  /** A generation is over everywhere. */
  retire(generation: number): void {
    const run = this.#options.generations.get(generation);
    if (run !== undefined) this.#options.generations.drop(run);
    if (this.#standby.generation === generation) this.#standby.arm(null);
    this.#gateway.forget(generation);
    this.#forgetDropped();
    this.#tidy();
  }

  /** Older generations are over here: what is on its way for them need not arrive. */
  fenced(): void {
    this.#forgetDropped();
    const { generation } = this.#standby;
    if (generation !== null && this.#options.generations.get(generation) === undefined) {
      this.#standby.arm(null);
    }
  }

  /** A heartbeat has passed: who asked to be dialled may have given it up while the word was on its way. */
  beat(): void {
    if (this.#channels.takeOverdue()) this.#tidy();
  }

  async probe(message: Probe): Promise<void> {
    await this.#channels.probe(message);
  }

  async dialBack(message: DialBack): Promise<void> {
    this.#channels.expect(message.peer.device);
    await this.#neighbours.dialBack(message);
  }

  async accept(channel: Channel, attach: Attach): Promise<void> {
    await this.#neighbours.accept(channel, attach);
  }

  /** A program that asks: served here if this is the source, else told where that is. */
  async welcomeClient(channel: Channel): Promise<void> {
    if (this.#gateway.isThere) {
      await this.#gateway.welcomeClient(channel);
      return;
    }
    const { addresses } = this.#sources;
    if (addresses.length === 0) {
      const why = `device '${this.#device}' serves nobody yet; ask the coordinator where to go`;
      await refuse(channel, new CodedError("CHANNEL_CLOSED", why, { device: this.#device }));
      return;
    }
    await channel.send(encodeMessage({ type: "elsewhere", addresses })).catch(() => undefined);
    await channel.close();
  }

  /** The coordinator is there, again perhaps: tells it what it may have missed. */
  found(): void {
    this.#standby.found();
    this.#channels.tellLost();
    this.#gateway.sayDrained();
  }

  /** The coordinator is away. */
  orphaned(): void {
    if (this.#gateway.isThere) void this.#standby.orphaned();
  }

  async close(error: CodedError): Promise<void> {
    this.#changes.tell();
    this.#standby.found();
    await this.#gateway.close(error);
    await this.#neighbours.close();
  }

  #openGateway(): OwnGateway {
    const { agent, generations, liveness, tell, onEvent } = this.#options;
    return new OwnGateway({
      ...{ device: this.#device, clock: agent.clock, tell, onEvent },
      lines: {
        tell: (device, message) => this.#tellDevice(device, message),
        enter: (...input) => generations.enter(...input),
      },
      heartbeatSeconds: () => liveness().heartbeatSeconds,
      onTrace: (trace) => agent.onTrace?.({ device: this.#device, ...trace }),
    });
  }

  async #connect(kind: DataChannelKind, device: string): Promise<void> {
    if (device !== this.#device) await this.#channels.connect(kind, device);
  }

  /** Has the channels end that no generation needs. */
  #tidy(): void {
    const runs = this.#options.generations.deployed;
    this.#channels.keepOnly({
      hop: new Set(runs.flatMap(({ neighbours }) => neighbours)),
      gateway: new Set(runs.flatMap(({ reporters }) => reporters)),
    });
  }

  #forgetDropped(): void {
    this.#changes.tell();
    const { generations } = this.#options;
    this.#neighbours.forget(({ generation }) => generations.get(generation) === undefined);
  }

  #isServed(device: string): boolean {
    const { serving } = this;
    if (serving === null || device === this.#device) return false;
    return this.#options.generations.get(serving)?.reporters.includes(device) ?? false;
  }

  /** Goes over to the plan that needs no other device. */
  #goAlone(generation: number): void {
    const { generations } = this.#options;
    const others = generations.deployed.filter((run) => run.generation !== generation);
    for (const run of others) generations.drop(run);
    this.#gateway.serveAlone(generation);
    for (const run of others) this.#gateway.retire(run.generation);
  }

  /** @throws FRAME_MALFORMED if the device has no business to say this */
  #hear(kind: DataChannelKind, device: string, received: Received, transitSeconds: number): void {
    const { message } = received;
    if (kind === "hop") {
      this.#options.generations.receive(device, received, transitSeconds);
      return;
    }
    if (message.type === "begin" || message.type === "recall" || message.type === "settled") {
      if (this.#sources.admits(device, message)) this.#obey(device, message);
      return;
    }
    this.#gateway.hear(device, received);
  }

  /** What a gateway says. */
  #obey(source: string, message: Begin | Recall | Settled): void {
    const { generations, tenancy } = this.#options;
    if (message.type === "settled") {
      generations.settle(message);
      this.#neighbours.forget(({ request }) => tenancy.keeper.isSettled(request));
    } else if (message.type === "begin") generations.begin(message);
    else {
      const requests = message.requests.map((request) => ({
        request,
        tensors: tenancy.keeper.recall(request),
      }));
      const { generation } = message;
      const kept: Kept = { type: "kept", generation, body: { requests } };
      void this.#tellGateway(source, kept);
    }
  }

  /** @throws CHANNEL_CLOSED */
  async #tellDevice(device: string, message: Begin | Recall | Settled): Promise<void> {
    if (device !== this.#device) {
      await this.#neighbours.send("gateway", device, message);
      return;
    }
    // Whoever tells is not to be told something back in the middle of it.
    await undefined;
    this.#obey(device, message);
  }

  /** If it cannot be told now, it asks again or is told again. */
  async #tellGateway(source: string, message: Report | Failure | Kept): Promise<void> {
    if (source !== this.#device) {
      await this.#neighbours.send("gateway", source, message).catch(() => undefined);
      return;
    }
    await undefined;
    try {
      this.#gateway.hear(this.#device, { message, payload: emptyPayload });
    } catch (error) {
      this.#options.onEvent({
        type: "failed",
        generation: message.generation,
        error: coded(error),
      });
    }
  }

  /** A request is done here. */
  outcome(run: GenerationRun, outcome: Report | Failure): void {
    this.#options.agent.onTrace?.({ device: this.#device, ...outcome });
    if (run.deployed !== null) void this.#tellGateway(run.deployed.source, outcome);
  }

  /** Sends a tensor of a generation on. @throws CHANNEL_CLOSED, FRAME_MALFORMED */
  async deliver(run: GenerationRun, ...[to, request, tensor, value, codec]: Tensor): Promise<Sent> {
    const place = { generation: run.generation, request, tensor };
    const form = codec === undefined ? place : { ...place, codec };
    if (to !== null) return await this.#neighbours.sendTensor("hop", to, form, value);
    const source = run.deployed?.source ?? "";
    if (source !== this.#device) {
      return await this.#neighbours.sendTensor("gateway", source, form, value);
    }
    await undefined;
    const { dataType, shape, data } = value;
    const message: TensorMessage = { type: "tensor", ...form, dataType, shape };
    this.#gateway.hear(this.#device, { message, payload: data });
    return { queueSeconds: 0 as Sent["queueSeconds"], sendSeconds: 0 as Sent["sendSeconds"] };
  }
}
