import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import { checkInputs } from "../runtime/signature.ts";
import type { Channel } from "../transport/transport.ts";
import type { GatewayDeployment, Measured } from "./control-message.ts";
import type { Begin, Recall, RequestTimings, Settled, TensorMessage } from "./data-message.ts";
import type { DeviceDeployment } from "./deployment.ts";
import { checkReport, inOrder, isPassing } from "./gateway/checks.ts";
import type { Known } from "./gateway/course.ts";
import { Doors } from "./gateway/doors.ts";
import { Journeys } from "./gateway/journeys.ts";
import { type Attempt, type Departure, inputOf, type Pass, rowsOf } from "./gateway/pass.ts";
import type { Room } from "./gateway/passes.ts";
import type { RequestTrace } from "./gateway/request-trace.ts";
import { Settling } from "./gateway/settling.ts";
import { wholeAnswers } from "./gateway/whole-answers.ts";
import type { Asked, Question } from "./inference.ts";
import { Ledger, type LedgerStats } from "./ledger.ts";
import { Measuring } from "./measuring.ts";
import { fromWire, malformed, type Received, tensorOf } from "./protocol.ts";
import type { WireError } from "./wire-error.ts";

/** How the gateway reaches the devices. */
export interface GatewayLines {
  /** Also to the own device. @throws CHANNEL_CLOSED if it cannot be told now */
  tell(device: string, message: Begin | Recall | Settled): Promise<void>;
  /** Into the own device's executor, which may keep the value: it stays untouched for ever. */
  enter(generation: number, request: number, tensor: string, value: TensorValue): void;
}

export interface GatewayOptions {
  /** The source. */
  readonly device: string;
  readonly clock: Clock;
  readonly lines: GatewayLines;
  /** Requests go into this generation; called for each `serve`. */
  readonly onServing: (generation: number) => void;
  /** Called once for each generation that served, when another does and nothing is in flight in it. */
  readonly onDrained: (generation: number) => void;
  /** Called every heartbeat once something has served. */
  readonly onMeasured: (measured: Measured) => void;
  readonly heartbeatSeconds: () => number;
  /** For logs. */
  readonly onTrace?: (trace: RequestTrace) => void;
}

/**
 * Where requests live: on the source device. Takes them from clients, sends them into the serving
 * generation, and again into the next one when a device is lost, as far as the devices do not keep
 * what was made already; answers each once. `hear` takes what devices say, in any order and however
 * often.
 */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #ledger: Ledger;
  readonly #settling: Settling;
  readonly #measuring = new Measuring();
  readonly #known = new Map<number, Known>();
  readonly #lost = new Set<string>();
  readonly #journeys: Journeys;
  readonly #doors: Doors;
  readonly #closed = new AbortController();
  /** What was served last; while `#suspended` nothing is. */
  #target: Known | null = null;
  #suspended: CodedError | null = null;
  #hasNumbers = false;
  #isWatching = false;

  constructor(options: GatewayOptions) {
    const { device, clock, lines, onTrace } = options;
    this.#options = options;
    this.#doors = new Doors({ device, clock, ask: (question) => this.ask(question) });
    const tell = (device: string, message: Recall | Settled) => lines.tell(device, message);
    this.#journeys = new Journeys({ clock, tell });
    this.#settling = new Settling({
      clock,
      mark: () => this.#ledger.settled,
      tell,
      signal: this.#closed.signal,
    });
    this.#ledger = new Ledger({
      clock,
      room: () => this.#room,
      depart: (pass) => this.#depart(pass),
      onEnd: (pass) => this.#settle(pass),
      onAnswered: (...answered) => this.#measure(...answered),
      isLost: (device) => this.#lost.has(device),
      onTrace: onTrace ?? (() => undefined),
    });
  }

  /** The generation that requests go into; `null`: none does. */
  get serving(): number | null {
    return this.#suspended === null ? (this.#target?.generation ?? null) : null;
  }

  get stats(): LedgerStats {
    return this.#ledger.stats;
  }

  /**
   * A generation that is deployed.
   *
   * @param constants graph outputs that depend on no input
   */
  know(generation: number, gateway: GatewayDeployment, constants: TensorValues): void {
    if (this.#known.has(generation)) return;
    if (!this.#hasNumbers) this.#ledger.numberFrom(generation);
    this.#hasNumbers = true;
    const devices = new Map(gateway.deployment.devices.map((device) => [device.device, device]));
    this.#known.set(generation, { generation, gateway, constants, devices, isUsed: false });
    this.#doors.open(gateway.opened);
  }

  /**
   * From now on requests go into this generation; one that is not known is passed over. Ends a
   * `suspend`. Idempotent.
   *
   * @param replay whether those that are in flight in others go through it again
   */
  serve(generation: number, replay: boolean): void {
    const target = this.#known.get(generation);
    if (target === undefined || this.#closed.signal.aborted) return;
    this.#suspended = null;
    const isNew = this.#target !== target;
    if (isNew) {
      this.#journeys.forgetKept();
      this.#measuring.reset();
      this.#target = target;
      target.isUsed = true;
    }
    // Nothing departs before it is known what is kept of it.
    this.#ledger.open(false);
    if (replay) this.#ledger.recall((other) => other !== generation);
    this.#options.onServing(generation);
    this.#resume();
    this.#drain();
    this.#watch();
  }

  /** Fails every request that is here or comes, until the next `serve`. */
  suspend(error: WireError): void {
    this.#suspended = fromWire(error);
    this.#journeys.stop();
    this.#ledger.open(false);
    this.#ledger.failAll(this.#suspended);
  }

  /** A generation is over: what was in flight in it goes into the serving one, or waits for one. */
  retire(generation: number): void {
    if (!this.#known.delete(generation)) return;
    if (this.#target?.generation === generation) {
      this.#journeys.stop();
      this.#target = null;
    }
    this.#ledger.open(false);
    this.#ledger.recall((other) => other === generation);
    this.#resume();
  }

  /** No message comes from a device for now: it is not waited for where nothing depends on it. */
  lost(device: string): void {
    this.#lost.add(device);
    this.#journeys.dismiss(device);
    this.#ledger.reconsider();
  }

  /** A channel to a device stands again: it is told again what it may have missed. */
  reached(device: string): void {
    this.#lost.delete(device);
    this.#settling.tell([device]);
    for (const pass of this.#ledger.inFlight) {
      const begin = this.#journeys.beginOf(pass, device);
      if (begin !== undefined && pass.attempt?.silent.has(device)) this.#tell(device, begin);
    }
  }

  /**
   * Whether a tensor is an answer that is waited for.
   *
   * @throws FRAME_MALFORMED if the device does not answer with it
   */
  expects(device: string, { generation, request, tensor }: TensorMessage): boolean {
    const deployed = this.#deploymentOf(device, generation);
    if (deployed?.answers.includes(tensor) === false) {
      throw malformed(`tensor '${tensor}'`, `device '${device}' does not answer with it`);
    }
    return deployed !== null && this.#ledger.awaits(generation, request, tensor);
  }

  /**
   * Takes what a device says, the own one too. What is late is dropped.
   *
   * @throws FRAME_MALFORMED if the device has no business to say this
   */
  hear(device: string, received: Received): void {
    const { message } = received;
    switch (message.type) {
      case "tensor": {
        if (!this.expects(device, message)) return;
        const value = tensorOf({ message, payload: received.payload });
        this.#ledger.accept(message.generation, message.request, message.tensor, value);
        return;
      }
      case "report":
        if (this.#deploymentOf(device, message.generation) === null) return;
        checkReport(device, message);
        this.#ledger.report(device, message);
        return;
      case "failure":
        if (this.#deploymentOf(device, message.generation) === null) return;
        // A device that cannot reach another one is no end of a request: it goes elsewhere.
        if (isPassing(message.error)) return;
        this.#ledger.fail(message.generation, message.request, fromWire(message.error));
        return;
      case "kept":
        this.#journeys.hear(device, message);
        return;
      default:
        throw malformed(`a message '${message.type}'`, "a gateway channel does not carry it");
    }
  }

  /** Serves a client whose first message was `open`, until its channel ends. */
  async welcomeClient(channel: Channel): Promise<void> {
    await this.#doors.welcome(channel);
  }

  /**
   * Asks for an answer. The inputs must stay untouched for ever.
   *
   * @throws TENSOR_UNKNOWN, TENSOR_TYPE_MISMATCH, TENSOR_SHAPE_MISMATCH; REQUEST_ID_TAKEN if other
   * inputs were asked under its id; DEVICE_LOST while it is suspended; CHANNEL_CLOSED after `close`
   */
  ask(question: Question): Asked {
    const { opened } = this.#doors;
    if (this.#suspended !== null && !this.#ledger.hasAnswered(question.id)) throw this.#suspended;
    if (opened === null) throw new CodedError("DEVICE_LOST", "nothing is deployed here yet");
    checkInputs(opened.inputs, question.inputs);
    const { answered, withdraw } = this.#ledger.ask(question);
    const ordered = answered.then((inference) => inOrder(inference, opened));
    // Who has gone away must not be ended by a failure that nobody hears.
    ordered.catch(() => undefined);
    return { answered: ordered, withdraw };
  }

  /** Fails every request and tells each client why. */
  async close(error: CodedError): Promise<void> {
    this.suspend(error);
    this.#suspended = error;
    this.#closed.abort();
    await this.#doors.close(error);
  }

  /** Lets requests depart, as soon as it is known what is kept of those that were in flight. */
  #resume(): void {
    const target = this.#target;
    if (target === null || this.#suspended !== null || this.#journeys.isRecalling) return;
    this.#ledger.fit();
    const again = this.#journeys.unasked(this.#ledger.returning);
    if (again.length > 0) void this.#recall(target, again);
    else this.#ledger.open(true);
  }

  async #recall(target: Known, passes: readonly Pass[]): Promise<void> {
    this.#ledger.open(false);
    if (await this.#journeys.recall(target, passes)) this.#resume();
  }

  /** What may be in flight in the generation that serves. */
  get #room(): Room {
    const { opened, joining } = this.#target?.gateway ?? {};
    if (joining === undefined) return { passes: opened?.window ?? 0, joining: null };
    return { passes: joining.passes, joining };
  }

  #depart(pass: Pass): Departure {
    const target = this.#target;
    const { request } = pass;
    if (target === null) throw new Error(`request ${request} departs, and nothing serves`);
    const { generation, gateway, constants } = target;
    const { begins, entering, reporters } = this.#journeys.depart(pass, target);
    const start = (): void => {
      for (const [device, begin] of begins) this.#tell(device, begin);
      for (const tensor of entering) {
        this.#options.lines.enter(generation, request, tensor, inputOf(pass, tensor));
      }
    };
    const { deployment } = gateway;
    const { outputs } = deployment;
    const source = this.#options.device;
    const whole = (made: TensorValues): TensorValues => wholeAnswers(deployment, made);
    return { generation, source, outputs, reporters, constants, whole, start };
  }

  /** If the device cannot be reached, it is told when it can, or the request goes elsewhere. */
  #tell(device: string, begin: Begin): void {
    void this.#options.lines.tell(device, begin).catch(() => undefined);
  }

  /** A pass that was in flight has ended. */
  #settle(pass: Pass): void {
    this.#settling.tell(this.#journeys.end(pass));
    this.#drain();
  }

  #drain(): void {
    const busy = new Set(this.#ledger.inFlight.map(({ attempt }) => attempt?.departure.generation));
    for (const known of this.#known.values()) {
      if (known === this.#target || !known.isUsed || busy.has(known.generation)) continue;
      known.isUsed = false;
      this.#options.onDrained(known.generation);
    }
  }

  #measure(pass: Pass, { departure, reports }: Attempt, { totalSeconds }: RequestTimings): void {
    if (departure.generation !== this.#target?.generation) return;
    const most = this.#room.joining?.most ?? null;
    const rows = most === null ? 1 : rowsOf(pass);
    // Nothing is predicted for more rows than may be joined.
    const predicted = rows <= (most ?? rows) ? rows : null;
    this.#measuring.take(reports, totalSeconds, pass.entries.length, predicted);
  }

  #watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    void this.#report();
  }

  async #report(): Promise<void> {
    const { clock, heartbeatSeconds, onMeasured } = this.#options;
    for (;;) {
      const start = clock.now();
      try {
        await clock.sleep(seconds(heartbeatSeconds()), this.#closed.signal);
      } catch {
        // It was closed.
        return;
      }
      // What was said may have been lost with a channel; who cannot hear is told when it can.
      const devices = [...this.#known.values()].flatMap((known) => [...known.devices.keys()]);
      this.#settling.tell(devices.filter((device) => !this.#lost.has(device)));
      const { generation } = this.#target ?? {};
      if (generation === undefined) continue;
      onMeasured(this.#measuring.sum(generation, clock.now() - start, countsOf(this.stats)));
    }
  }

  /** `null`: the generation is over. @throws FRAME_MALFORMED if the device takes no part in it */
  #deploymentOf(device: string, generation: number): DeviceDeployment | null {
    const known = this.#known.get(generation);
    if (known === undefined) return null;
    const deployed = known.devices.get(device);
    if (deployed !== undefined) return deployed;
    throw malformed(
      `a message of device '${device}'`,
      `it takes no part in generation ${generation}`,
    );
  }
}

function countsOf({ answered, failed, replayed, inFlight, waiting }: LedgerStats) {
  return { answered, failed, replayed, inFlight, waiting };
}
