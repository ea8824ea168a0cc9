import { CodedError, isCoded } from "../base/errors.ts";
import type { State } from "../cost/state.ts";
import type { Topology } from "../cost/topology.ts";
import type { Plan } from "../plan/plan.ts";
import { readSignature, type Signature } from "../runtime/signature.ts";
import { AgentOrders } from "./agent-orders.ts";
import type { Probed } from "./control-message.ts";
import type { Happening } from "./coordination/history.ts";
import type { CoordinationState } from "./coordination/state.ts";
import { isSameWorld, isSwitching, servingOf, worldOf } from "./coordination/world.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import { Dispatcher } from "./dispatcher.ts";
import { type Foundation, firstState, layFoundation, refusalOf } from "./foundation.ts";
import { KnownDevices } from "./identity.ts";
import { JournalKeeper } from "./journal-keeper.ts";
import { Measurements } from "./measurements.ts";
import { Performer } from "./performer.ts";
import { fromWire, toWire } from "./protocol.ts";
import { deadlineOf, startPulse } from "./pulse.ts";
import { Reception } from "./reception.ts";
import { reducedTopology } from "./reduced-topology.ts";
import { Replanning } from "./replanning.ts";
import { Signpost } from "./signpost.ts";
import type { ClusterEvent, ClusterStatus } from "./status.ts";
import { reportStatus } from "./status-report.ts";
import { Switchboard } from "./switchboard.ts";
import { type Transfer, transfersOf } from "./under-way.ts";
import { Watchers } from "./watcher.ts";
import type { WireError } from "./wire-error.ts";

/**
 * Waits for the agents that a plan needs, gives each its parts and has generation after generation
 * deployed: the first, one after each loss, and those that `adopt` is told. Requests do not come
 * here: they live with the source's agent, and go on while no coordinator is there.
 */
export class Coordinator implements AsyncDisposable {
  /** Where agents, clients and watchers dial, with the port that was really taken. */
  readonly address: string;
  /** Every device that the first plan uses, in the order of the topology. */
  readonly devices: readonly string[];
  readonly signature: Signature;
  /** Resolves when everything is shut down: `null` after `close`, else why. */
  readonly ended: Promise<CodedError | null>;
  readonly #options: CoordinatorOptions;
  readonly #foundation: Foundation;
  readonly #dispatcher: Dispatcher;
  readonly #reception: Reception;
  readonly #orders: AgentOrders;
  readonly #performer: Performer;
  readonly #signpost: Signpost;
  readonly #journal: JournalKeeper;
  readonly #switchboard: Switchboard;
  readonly #watchers: Watchers;
  readonly #measurements = new Measurements();
  readonly #known: KnownDevices;
  readonly #stop = new AbortController();
  readonly #startedAt: number;
  readonly #ready: Promise<void>;
  #resolveReady: () => void = () => undefined;
  #rejectReady: (error: CodedError) => void = () => undefined;
  #resolveEnded: (error: CodedError | null) => void = () => undefined;

  /**
   * Cuts the model and begins to listen. `ready` says when requests are served.
   *
   * @throws PLAN_INVALID if the plan is of another graph or does not fit it; PORT_IN_USE;
   * USAGE_INVALID if the journal is of another cluster
   */
  static async start(options: CoordinatorOptions): Promise<Coordinator> {
    return new Coordinator(options, await layFoundation(options));
  }

  /** Use `start`. */
  private constructor(options: CoordinatorOptions, foundation: Foundation) {
    const { clock, topology, heartbeatSeconds = 0.5, missedHeartbeats = 10 } = options;
    const { listener, first, journal, book } = foundation;
    this.#options = options;
    this.#foundation = foundation;
    this.address = listener.address;
    this.devices = first.shape.devices;
    this.signature = readSignature(options.model);
    this.#startedAt = clock.now();
    this.#known = options.known ?? new KnownDevices();
    this.#known.recall(journal?.devices ?? {});
    this.#ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    // Whoever does not ask whether it is ready must not be ended by the rejection.
    this.#ready.catch(() => undefined);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#dispatcher = new Dispatcher({
      initial: firstState(options, foundation),
      perform: (action) => this.#performer.perform(action),
      onHappening: (happening) => this.#tell(happening),
      onSettled: (before, after) => this.#settled(before, after),
    });
    this.#journal = new JournalKeeper(options, book, this.#known);
    this.#orders = this.#speak(foundation);
    this.#switchboard = new Switchboard({
      clock,
      ask: (device, kind, from) => this.#orders.askToDial(device, kind, from),
    });
    this.#watchers = new Watchers({
      clock,
      intervalSeconds: Math.max(heartbeatSeconds, 0.25),
      status: () => this.status(),
      signal: this.#stop.signal,
    });
    const replanning = new Replanning({
      ...options,
      book,
      state: () => this.#dispatcher.state,
      dispatch: (event) => this.#dispatcher.dispatch(event),
      tunnelled: () => this.#switchboard.pairs,
      onForeseen: (plans) => this.#orders.prefetch(this.#reception.links(), plans),
      signal: this.#stop.signal,
    });
    this.#signpost = new Signpost({
      clock,
      state: () => this.#dispatcher.state,
      addresses: () => this.#reception.link(topology.source)?.agent.addresses ?? [],
    });
    this.#reception = this.#receive(foundation, { heartbeatSeconds, missedHeartbeats });
    this.#performer = new Performer({
      source: topology.source,
      reception: this.#reception,
      orders: this.#orders,
      replanning,
      save: (generation) => void this.#save(generation),
      shutDown: (failure) => void this.#shutDown(failure),
    });
    this.#beat(heartbeatSeconds);
    this.#dispatcher.dispatch({ type: "heard", device: "" });
  }

  /**
   * Resolves when something serves for the first time.
   *
   * @throws DEVICE_LOST, naming the devices that did not join in time; PART_REFUSED if a part does
   * not fit; ONNX_UNSUPPORTED, RUNTIME_FAILED if one cannot be loaded; CHANNEL_CLOSED after `close` or `abandon`
   */
  async ready(): Promise<void> {
    await this.#ready;
  }

  /** How everything stands. */
  status(): ClusterStatus {
    return reportStatus({
      state: this.#dispatcher.state,
      about: this.#options,
      now: this.#options.clock.now(),
      startedAt: this.#startedAt,
      measurements: this.#measurements,
      planOf: (plan) => this.#foundation.book.get(plan),
      linkOf: (device) => this.#reception.link(device),
      tunnels: this.#switchboard.tunnels,
    });
  }

  /** The plan that serves and can; `null`: none does. */
  get serving(): Plan | null {
    const serving = servingOf(this.#dispatcher.state);
    return serving === undefined ? null : this.#foundation.book.get(serving.plan).plan;
  }

  /** The plan that serves; while none can, the one that served last, or is to be the first. */
  get plan(): Plan {
    const state = this.#dispatcher.state;
    return this.#foundation.book.get((servingOf(state) ?? state.preferred).plan).plan;
  }

  /** Bytes that all its plans take of a device: what serves, and what stands by, begins or ends. */
  takesBytes(device: string): number {
    const plans = this.#dispatcher.state.generations.map(({ plan }) =>
      this.#foundation.book.get(plan),
    );
    return plans.reduce((sum, { plan }) => sum + (plan.claimed.memoryBytes[device] ?? 0), 0);
  }

  /** What is left of the topology: devices that are here, links that are up. */
  get world(): Topology {
    const { topology } = this.#options;
    return reducedTopology(topology, worldOf(this.#dispatcher.state), this.#switchboard.pairs);
  }

  /**
   * Goes over to another plan while the one that serves goes on: it is deployed beside it, new requests
   * go there, old ones finish where they are, or (`replay`) begin again where they are not done. Given
   * up if a device is lost or refuses its parts.
   *
   * @throws PLAN_INVALID
   */
  adopt(plan: Plan, cause: string, { replay = false }: { readonly replay?: boolean } = {}): void {
    const { number, shape } = this.#foundation.book.add(plan);
    this.#dispatcher.dispatch({ type: "adopt", plan: number, shape, cause, replay });
  }

  /** Other models take more of the devices, or less: what was planned for losses is planned anew. */
  reconsider(): void {
    this.#dispatcher.dispatch({ type: "othersMoved" });
  }

  /** Whether something is to serve next. */
  get isSwitching(): boolean {
    return isSwitching(this.#dispatcher.state);
  }

  /** Transfers between devices that are under way, the oldest of each pair, as was heard last. */
  get pending(): readonly Transfer[] {
    return transfersOf(this.#reception.links());
  }

  /** From now on devices and links imitate this state of the topology; no effect without `emulate`. */
  emulate(state: State): void {
    this.#orders.emulate(this.#reception.links(), state);
  }

  /** Has a device measure its link to another one. @throws DEVICE_LOST; see `Probing` */
  probe(from: string, to: string, bytes: number): Promise<Probed> {
    return this.#orders.probing.probe(from, to, bytes);
  }

  /** Lets another key have a device's name, and resolves when that is kept. @returns whether it was taken */
  async forget(device: string): Promise<boolean> {
    const wasTaken = this.#known.forget(device);
    await this.#write();
    return wasTaken;
  }

  /** Tells whoever watches something that the coordinator itself does not see. */
  note(happening: Extract<Happening, { type: "drift" }>): void {
    this.#tell(happening);
  }

  /** Shuts every agent down; who still waits for an answer gets CHANNEL_CLOSED. Idempotent. */
  async close(): Promise<void> {
    this.#dispatcher.dispatch({ type: "closed" });
    await this.ended;
  }

  /** Ends this coordinator as if it had been killed: agents go on, and wait for the next one. */
  async abandon(): Promise<void> {
    this.#stop.abort();
    this.#rejectReady(new CodedError("CHANNEL_CLOSED", "the coordinator was abandoned"));
    await Promise.allSettled([
      this.#reception.abandon(),
      this.#watchers.close(),
      this.#switchboard.close(),
      // The next one writes it.
      this.#journal.close(),
    ]);
    this.#resolveEnded(null);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #speak({ cutter, book }: Foundation): AgentOrders {
    const { topology, graph, clock, emulate = false, constantOutputs } = this.#options;
    return new AgentOrders({
      topology,
      emulate,
      constants: constantOutputs ?? {},
      cutter,
      book,
      linkOf: (device) => this.#reception.link(device),
      opened: {
        type: "opened",
        model: graph.name,
        inputs: this.signature.inputs,
        outputs: this.signature.outputs,
        emulated: emulate,
      },
      window: this.#options.window ?? null,
      takenBytes: this.#options.takenBytes ?? (() => 0),
      state: () => this.#dispatcher.state,
      dispatch: (event) => this.#dispatcher.dispatch(event),
      onSending: (device, bytes) => this.#tell({ type: "sending", device, bytes }),
      onMeasured: (body) => {
        this.#measurements.take(body);
        this.#options.onMeasured?.(body);
      },
      onPending: (device) => this.#options.onPending?.(device),
      depot: this.#options.depot ?? null,
      clock,
      signal: this.#stop.signal,
    });
  }

  #receive(
    { listener }: Foundation,
    liveness: { readonly heartbeatSeconds: number; readonly missedHeartbeats: number },
  ): Reception {
    const { clock, token, authority = null } = this.#options;
    return new Reception({
      listener,
      clock,
      token,
      liveness,
      authority,
      known: this.#known,
      refusalOf: (join) => refusalOf(join, this.#options),
      onJoined: ({ agent }) => {
        const { name: device, addresses, ...held } = agent;
        this.#tell({ type: "joined", device, address: addresses[0] ?? "" });
        const { incarnation, generations, serving, fencedBelow } = held;
        this.#switchboard.forget(device);
        const joined = { device, incarnation, generations, serving, fencedBelow };
        this.#dispatcher.dispatch({ type: "joined", ...joined });
        // Which key has the name must outlive this process, too.
        if (authority !== null) void this.#write();
      },
      onControl: (link, received) => this.#orders.hear(link, received),
      onLeft: (device, why) => this.#dispatcher.dispatch({ type: "left", device, why }),
      onTunnel: (channel, first) => void this.#switchboard.accept(channel, first),
      onWatch: (channel) => void this.#watchers.accept(channel),
      probe: (...link) => this.probe(...link),
      whereToAsk: () => this.#signpost.addresses(),
    });
  }

  /** Before a generation is deployed; if it cannot be saved, it is all the same: devices know numbers. */
  async #save(generation: number): Promise<void> {
    await this.#write();
    if (!this.#stop.signal.aborted) this.#dispatcher.dispatch({ type: "saved", generation });
  }

  /** Whoever looks on is told once that it fails; from then on it is tried at each heartbeat. */
  async #write(): Promise<void> {
    const wasBehind = this.#journal.isBehind;
    try {
      await this.#journal.save(this.#dispatcher.state);
    } catch (error) {
      // Another one deploys by now: nothing more is done here, until this one is abandoned.
      if (isCoded(error) && error.code === "LEADERSHIP_LOST") this.#stop.abort();
      if (!wasBehind) this.#tell({ type: "unsaved", error: toWire(error) });
    }
  }

  #settled(before: CoordinationState, after: CoordinationState): void {
    if (before === after) return;
    if (!before.started && after.started) void this.#write();
    if (servingOf(after) !== undefined) this.#resolveReady();
    this.#signpost.wake();
    const { onWorld } = this.#options;
    if (onWorld === undefined || servingOf(after) === undefined) return;
    if (!isSameWorld(worldOf(before), worldOf(after))) onWorld(this.world);
  }

  #tell(happening: Happening): void {
    const atSeconds = this.#options.clock.now() - this.#startedAt;
    const event = { ...happening, atSeconds } as ClusterEvent;
    this.#watchers.tell(event);
    this.#options.onEvent?.(event);
  }

  #beat(heartbeatSeconds: number): void {
    startPulse({
      clock: this.#options.clock,
      heartbeatSeconds,
      deadline: deadlineOf(this.#options, this.#dispatcher.state.recovering),
      dispatch: (event) => this.#dispatcher.dispatch(event),
      onBeat: () => {
        for (const link of this.#reception.links()) link.ping();
        if (this.#journal.isBehind) void this.#write();
      },
      signal: this.#stop.signal,
    });
  }

  async #shutDown(failure: WireError | null): Promise<void> {
    this.#stop.abort();
    const error = failure === null ? null : fromWire(failure);
    const why = error ?? new CodedError("CHANNEL_CLOSED", "the coordinator was closed");
    this.#rejectReady(why);
    await this.#reception.close(why);
    const closing = [this.#watchers.close(), this.#switchboard.close(), this.#journal.close()];
    await Promise.allSettled(closing);
    this.#resolveEnded(error);
  }
}
