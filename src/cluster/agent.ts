import { CodedError } from "../base/errors.ts";
import { type Channel, type Listener, openingLimits } from "../transport/transport.ts";
import { type AgentOptions, dialableAt } from "./agent-options.ts";
import type { BlobFetcher } from "./blob-fetcher.ts";
import { BlobSupply } from "./blob-supply.ts";
import { ControlLink } from "./control-link.ts";
import type { Deploy, Heartbeat, Join, Offer, Want, Welcome } from "./control-message.ts";
import { DataPlane } from "./data-plane.ts";
import { DeviceResources, type Tenancy } from "./device-resources.ts";
import { Ending } from "./ending.ts";
import type { GenerationRun } from "./generation-run.ts";
import { Generations } from "./generations.ts";
import { greet } from "./greeting.ts";
import { admit, refuse } from "./handshake.ts";
import type { Liveness } from "./liveness.ts";
import { meetProgram } from "./meeting.ts";
import type { PartLoader } from "./part-loader.ts";
import { Profiling } from "./profiling.ts";
import { coded, malformed, type Received, tensorOf, toWire } from "./protocol.ts";

/** Until the coordinator has said how it is here. */
const firstLiveness: Liveness = { heartbeatSeconds: 0.5, missedHeartbeats: 10 };

/**
 * The process on a device. It dials the coordinator, receives the parts that the device runs and no
 * others, and serves in as many generations as it is told. When its coordinator goes away it keeps
 * running and dials it again for ever; it ends when it is shut down, closed, or not wanted any more.
 */
export class Agent implements AsyncDisposable {
  readonly name: string;
  readonly #ending = new Ending();
  readonly #options: AgentOptions;
  readonly #listener: Listener;
  readonly #fetcher: BlobFetcher;
  readonly #supply: BlobSupply;
  readonly #loader: PartLoader;
  readonly #tenancy: Tenancy;
  readonly #generations: Generations;
  readonly #plane: DataPlane;
  readonly #profiling: Profiling;
  #control: ControlLink | null = null;
  #liveness = firstLiveness;
  /** Generations that the coordinator has been told of when this joined last. */
  #introduced: readonly number[] = [];

  /**
   * Joins a cluster.
   *
   * @throws CHANNEL_CLOSED if the coordinator does not answer; PORT_IN_USE; TOKEN_REFUSED;
   * IDENTITY_REFUSED; PART_REFUSED if the runtime is not the coordinator's; USAGE_INVALID if the name
   * is unknown or taken
   */
  static async join(options: AgentOptions): Promise<Agent> {
    const listener = await options.transport.listen(options.listen, openingLimits);
    const agent = new Agent(options, listener);
    try {
      agent.#control = await agent.#dial();
    } catch (error) {
      await Promise.all([listener.close(), agent.#tenancy.leave()]);
      throw error;
    }
    options.onEvent?.({ type: "joined", coordinator: options.coordinator });
    void agent.#accept();
    agent.#control.start();
    return agent;
  }

  /** Use `join`. */
  private constructor(options: AgentOptions, listener: Listener) {
    const { name, clock, memoryBytes, processorSeconds } = options;
    this.name = name;
    this.#options = options;
    this.#listener = listener;
    const resources = options.resources ?? new DeviceResources(options);
    const { blobs, fetcher, loader } = resources;
    this.#tenancy = resources.enter();
    const { keeper, processor } = this.#tenancy;
    this.#fetcher = fetcher;
    this.#supply = new BlobSupply({
      clock,
      fetcher,
      depot: options.depot ?? null,
      askCoordinator: (generation, blobs) =>
        void this.#control?.tell({ type: "want", generation, body: { blobs } }),
    });
    this.#loader = loader;
    this.#generations = new Generations({
      clock,
      memoryBytes,
      processorSeconds,
      processor,
      keeper,
      blobs,
      fetcher,
      loader,
      deliver: (...tensor) => this.#plane.deliver(...tensor),
      onOutcome: (...outcome) => this.#plane.outcome(...outcome),
      onPartLost: (run, error) => void this.#loseRun(run, error),
    });
    this.#profiling = this.#measure(options, resources);
    this.#plane = new DataPlane({
      agent: options,
      resources,
      tenancy: this.#tenancy,
      generations: this.#generations,
      liveness: () => this.#liveness,
      tell: (message) => void this.#control?.tell(message),
      onEvent: (event) => options.onEvent?.(event),
    });
  }

  /** Resolves when the agent has ended: `null` if it was shut down or closed, else why. */
  get ended(): Promise<CodedError | null> {
    return this.#ending.ended;
  }

  /** Where it listens, as the others may dial it. */
  get addresses(): readonly string[] {
    return dialableAt(this.#listener.address, this.#options);
  }

  /** Leaves the cluster; what it holds of requests is made again elsewhere. Idempotent. */
  async close(): Promise<void> {
    await this.#end(null);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #measure(options: AgentOptions, { blobs, fetcher, loader }: DeviceResources): Profiling {
    const { name, clock, memoryBytes } = options;
    return new Profiling({
      device: name,
      clock,
      blobs,
      fetcher,
      host: options.profile,
      memoryBytes,
      usedBytes: () => loader.usedBytes,
      generations: () => this.#generations.deployed.map(({ generation }) => generation),
      meet: (task) => meetProgram(options, task),
    });
  }

  async #dial(): Promise<ControlLink> {
    const { transport, clock, coordinator, onEvent } = this.#options;
    return await ControlLink.open({
      transport,
      clock,
      address: coordinator,
      join: () => this.#introduction(),
      heartbeat: () => this.#heartbeat(),
      isStale: () => this.#options.keys?.isStale() ?? false,
      onWelcome: (welcome) => this.#settleIn(welcome),
      onUp: (isAgain) => {
        if (isAgain) {
          onEvent?.({ type: "joined", coordinator });
          // Whoever is there now offers anew what else it wants, perhaps under the same number.
          const others = this.#generations.besides(this.#introduced);
          for (const generation of others) this.#plane.retire(generation);
        }
        this.#plane.found();
      },
      onMessage: (received) => this.#follow(received),
      onGone: (error) => {
        onEvent?.({ type: "parted", error });
        this.#plane.orphaned();
      },
      onUnwelcome: (error) => onEvent?.({ type: "parted", error }),
      onRefused: (error) => void this.#end(error),
    });
  }

  async #introduction(): Promise<Join> {
    const { name, incarnation, runtime, cores, memoryBytes, keys } = this.#options;
    const standing = this.#generations.deployed.filter(({ stands }) => stands);
    this.#introduced = standing.map(({ generation }) => generation);
    return {
      type: "join",
      ...greet(this.#options),
      name,
      incarnation,
      runtime: runtime.name,
      cores,
      memoryBytes,
      benchmarkSeconds: this.#options.benchmarkSeconds ?? null,
      addresses: this.addresses,
      generations: this.#introduced,
      serving: this.#plane.serving,
      fencedBelow: this.#generations.fencedBelow,
      certificateRequest: (await keys?.request()) ?? null,
    };
  }

  async #settleIn({ heartbeatSeconds, missedHeartbeats, certificate }: Welcome): Promise<void> {
    this.#liveness = { heartbeatSeconds, missedHeartbeats };
    if (certificate !== null) await this.#options.keys?.keep(certificate);
  }

  #heartbeat(): Heartbeat {
    this.#generations.beat();
    this.#plane.beat();
    const { requests, peakRequests } = this.#generations;
    const heldBytes = this.#generations.heldBytes + this.#plane.heldBytes;
    return { type: "heartbeat", requests, peakRequests, heldBytes, ...this.#plane.underWay };
  }

  /** @throws FRAME_MALFORMED, which ends the channel */
  async #follow({ message, payload }: Received): Promise<void> {
    switch (message.type) {
      case "ping":
        return;
      case "shutdown":
        await this.#end(null);
        return;
      case "blob":
        await this.#fetcher.accept(message, payload);
        return;
      case "offer":
        void this.#attempt(message.generation, () => this.#consider(message));
        return;
      case "tensor":
        this.#plane.takeConstant(message, tensorOf({ message, payload }));
        return;
      case "deploy":
        void this.#attempt(message.generation, () => this.#deploy(message));
        return;
      case "dialBack":
        void this.#attempt(null, () => this.#plane.dialBack(message));
        return;
      case "summon":
        void this.#profiling.take(message.task);
        return;
      case "probe":
        void this.#plane.probe(message);
        return;
      case "serve":
        this.#plane.serve(message.generation, message.replay);
        return;
      case "suspend":
        this.#plane.suspend(message.error);
        return;
      case "fence":
        this.#generations.fence(message.below);
        this.#plane.fenced();
        return;
      case "retire":
        this.#plane.retire(message.generation);
        // Not awaited: what loads now may take long, and orders must not.
        void this.#loader.sweep();
        return;
      case "emulate":
        this.#plane.emulate(message.emulation);
        return;
      default:
        throw malformed(`a message '${message.type}'`, "an agent does not expect it");
    }
  }

  async #consider(offer: Offer): Promise<void> {
    const { generation, purpose, body } = offer;
    const parts = body.parts.map(({ stage }) => stage);
    const supply = this.#supply.for(generation);
    const ask = (blobs: Want["body"]["blobs"]) => {
      const { onEvent } = this.#options;
      if (purpose === "load") {
        onEvent?.({ type: "receiving", generation, parts, blobs: blobs.length });
      }
      supply(blobs);
    };
    if (purpose === "prefetch") {
      if (!(await this.#generations.prefetch(offer, ask))) return;
      await this.#control?.tell({ type: "fetched", generation });
    } else if (await this.#generations.prepare(offer, ask)) {
      this.#options.onEvent?.({ type: "loaded", generation, parts });
      await this.#control?.tell({ type: "loaded", generation });
    }
  }

  async #deploy(deploy: Deploy): Promise<void> {
    const { generation, body } = deploy;
    const run = await this.#generations.deploy(deploy);
    if (run === null) return;
    this.#plane.fenced();
    // A device that cannot be reached is waited for: the coordinator knows, and decides.
    for (let stands = false; !stands && !run.isDropped; )
      stands = await this.#plane.deploy(deploy, run);
    if (run.isDropped || this.#ending.hasBegun) return;
    const emulated = body.emulation !== null;
    this.#options.onEvent?.({ type: "deployed", generation, emulated });
    await this.#control?.tell({ type: "deployed", generation });
    await this.#loader.sweep();
  }

  /** What cannot be done ends the generation that it was for, here, and nothing else. */
  async #attempt(generation: number | null, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (cause) {
      if (this.#ending.hasBegun) return;
      const run = generation === null ? undefined : this.#generations.get(generation);
      if (run !== undefined && !run.stands) this.#generations.drop(run);
      this.#options.onEvent?.({ type: "failed", generation, error: coded(cause) });
      await this.#control?.tell({ type: "failed", generation, error: toWire(cause) });
    }
  }

  /** Without one of its parts a generation is over here; requests wait for the next one. */
  async #loseRun(run: GenerationRun, error: CodedError): Promise<void> {
    run.stands = false;
    await this.#attempt(run.generation, () => Promise.reject(error));
    this.#plane.fenced();
  }

  async #accept(): Promise<void> {
    for await (const channel of this.#listener) void this.#receive(channel);
  }

  /** Whoever comes and goes badly harms nobody but itself. */
  async #receive(channel: Channel): Promise<void> {
    try {
      const first = await admit(channel, this.#options.clock, this.#options.token);
      if (first === null) return;
      if (first.type === "attach") await this.#plane.accept(channel, first);
      else if (first.type === "open") await this.#plane.welcomeClient(channel);
      else await refuse(channel, malformed(`a first message '${first.type}'`, "this is an agent"));
    } catch {
      await channel.close();
    }
  }

  #end(error: CodedError | null): Promise<void> {
    return this.#ending.begin(error, () => this.#shutDown(error));
  }

  async #shutDown(error: CodedError | null): Promise<void> {
    const gone = new CodedError("CHANNEL_CLOSED", `device '${this.name}' leaves the cluster`);
    this.#profiling.close();
    this.#supply.close();
    await this.#plane.close(error ?? gone);
    this.#generations.clear();
    await Promise.allSettled([this.#listener.close(), this.#control?.close()]);
    await this.#tenancy.leave();
    this.#options.onEvent?.({ type: "ended", error });
  }
}
