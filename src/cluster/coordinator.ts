import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import type { Topology } from "../cost/topology.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import { checkInputs, readSignature, type Signature } from "../runtime/signature.ts";
import { type Listener, openingLimits } from "../transport/transport.ts";
import type { AgentLink } from "./agent-link.ts";
import {
  type Action,
  type CoordinationEvent,
  type CoordinationState,
  decide,
  reduce,
  startCoordination,
} from "./coordination.ts";
import type { CoordinatorOptions, DeviceReport } from "./coordinator-options.ts";
import { createDeployment, type Deployment, type DeviceDeployment } from "./deployment.ts";
import type { Emulation, Join, WireError } from "./message.ts";
import { type CutParts, cutParts } from "./parts.ts";
import {
  encodeMessage,
  fromWire,
  malformed,
  type Received,
  tensorFrame,
  tensorOf,
} from "./protocol.ts";
import { Reception } from "./reception.ts";
import { type Inference, Requests, windowOf } from "./requests.ts";

/**
 * Waits for the agents that a plan needs, sends each its parts, deploys generation 1 and answers
 * requests, its own process's and those of clients that dial in. When a device is lost the run ends:
 * whoever waits gets DEVICE_LOST, every agent is shut down.
 */
export class Coordinator implements AsyncDisposable {
  /** Where agents and clients dial, with the port that was really taken. */
  readonly address: string;
  /** Every device that takes part, in the order of the topology. */
  readonly devices: readonly string[];
  readonly signature: Signature;
  readonly window: number;
  /** Resolves when everything is shut down: `null` after `close`, else why. */
  readonly ended: Promise<CodedError | null>;
  readonly #options: CoordinatorOptions;
  readonly #deployment: Deployment;
  readonly #parts: CutParts;
  readonly #requests: Requests;
  readonly #reception: Reception;
  readonly #stop = new AbortController();
  readonly #ready: Promise<void>;
  #state: CoordinationState;
  #resolveReady: () => void = () => undefined;
  #rejectReady: (error: CodedError) => void = () => undefined;
  #resolveEnded: (error: CodedError | null) => void = () => undefined;

  /**
   * Cuts the model and begins to listen. `ready` says when requests are served.
   *
   * @throws PLAN_INVALID if the plan is of another graph or does not fit it; PORT_IN_USE
   */
  static async start(options: CoordinatorOptions): Promise<Coordinator> {
    const { plan, graph, topology, model, types, transport } = options;
    const hash = graphSha256(graph);
    if (plan.graphSha256 !== hash) {
      throw new CodedError(
        "PLAN_INVALID",
        `the plan is of another graph (SHA-256 ${plan.graphSha256}) than '${graph.name}' (${hash}); plan again`,
      );
    }
    const deployment = createDeployment(plan, graph, topology, 1);
    const parts = cutParts(model, types, plan, graph, plan.threads ?? 1);
    const listener = await transport.listen(options.listen, openingLimits);
    return new Coordinator(options, deployment, parts, listener);
  }

  /** Use `start`. */
  private constructor(
    options: CoordinatorOptions,
    deployment: Deployment,
    parts: CutParts,
    listener: Listener,
  ) {
    const { clock, plan, topology, joinSeconds = 30, heartbeatSeconds = 0.5 } = options;
    this.#options = options;
    this.#deployment = deployment;
    this.#parts = parts;
    this.address = listener.address;
    this.devices = deployment.devices.map(({ device }) => device);
    this.signature = readSignature(options.model);
    this.window = options.window ?? windowOf(plan);
    const needed = new Set(this.devices);
    this.#state = startCoordination(
      Object.fromEntries(topology.devices.map(({ name }) => [name, needed.has(name)])),
      { silentTicks: options.missedHeartbeats ?? 10, heartbeatSeconds, joinSeconds },
    );
    this.#requests = new Requests({
      clock,
      window: this.window,
      outputs: deployment.outputs,
      reporters: deployment.devices.length,
      start: (request, inputs) => this.#enter(request, inputs),
      forget: (request) => {
        for (const link of this.#reception.links()) {
          void link.tell({ type: "forget", generation: deployment.generation, request });
        }
      },
    });
    this.#ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    // Whoever does not ask whether it is ready must not be ended by the rejection.
    this.#ready.catch(() => undefined);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#reception = new Reception({
      listener,
      clock,
      token: options.token,
      heartbeatSeconds,
      generation: deployment.generation,
      opened: {
        type: "opened",
        model: options.graph.name,
        inputs: this.signature.inputs,
        outputs: this.signature.outputs,
        emulated: options.emulate === true,
        window: this.window,
      },
      refusalOf: (join) => this.#refusalOf(join),
      onJoined: ({ agent }) => {
        const { name: device, runtime, cores, memoryBytes } = agent;
        options.onEvent?.({ type: "joined", device, runtime, cores, memoryBytes });
        this.#dispatch({ type: "joined", device });
      },
      onControl: (link, received) => this.#hear(link, received),
      onData: (device, received) => this.#takeData(device, received),
      onLeft: (device, why) => this.#dispatch({ type: "left", device, why }),
      infer: (inputs, deadlineSeconds) => this.infer(inputs, deadlineSeconds),
    });
    void this.#watch(heartbeatSeconds);
    void this.#after(joinSeconds, { type: "joinDeadline" });
    this.#dispatch(null);
  }

  /**
   * Resolves when the plan runs.
   *
   * @throws DEVICE_LOST, naming the devices that did not join in time or were lost; PART_REFUSED if a
   * part does not fit; ONNX_UNSUPPORTED, RUNTIME_FAILED if one cannot be loaded; CHANNEL_CLOSED after `close`
   */
  async ready(): Promise<void> {
    await this.#ready;
  }

  /**
   * Asks for an answer. Requests overlap; those beyond the window wait. The inputs must stay untouched
   * until it resolves.
   *
   * @param deadlineSeconds from now on; `null` (the default): as long as it takes
   * @throws TENSOR_UNKNOWN, TENSOR_TYPE_MISMATCH, TENSOR_SHAPE_MISMATCH, REQUEST_DEADLINE_EXCEEDED,
   * DEVICE_LOST, RUNTIME_FAILED; CHANNEL_CLOSED after `close`
   */
  async infer(inputs: TensorValues, deadlineSeconds: number | null = null): Promise<Inference> {
    checkInputs(this.signature.inputs, inputs);
    const { outputs, timings } = await this.#requests.infer(inputs, deadlineSeconds);
    const all = { ...outputs, ...this.#options.constantOutputs };
    const named = this.signature.outputs.flatMap(({ name }) => {
      const value = all[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    return { outputs: Object.fromEntries(named), timings };
  }

  /** What is known of each device of the topology. */
  status(): readonly DeviceReport[] {
    return Object.entries(this.#state.devices).map(([device, { needed, status }]) => {
      const { requests = 0, peakRequests = 0 } = this.#reception.link(device) ?? {};
      return { device, needed, status, requests, peakRequests };
    });
  }

  /** The most requests that were ever in flight at once. */
  get peakInFlight(): number {
    return this.#requests.peakInFlight;
  }

  /** Shuts every agent down; who still waits for an answer gets CHANNEL_CLOSED. Idempotent. */
  async close(): Promise<void> {
    this.#dispatch({ type: "closed" });
    await this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Takes in what has happened and starts what follows from it. */
  #dispatch(event: CoordinationEvent | null): void {
    if (event !== null) this.#state = reduce(this.#state, event);
    for (const action of decide(this.#state)) {
      this.#state = reduce(this.#state, { type: "performed", action });
      this.#perform(action);
    }
  }

  #perform(action: Action): void {
    switch (action.type) {
      case "offer":
        void this.#reception.link(action.device)?.tell({
          type: "offer",
          generation: this.#deployment.generation,
          body: { parts: this.#parts.offers.get(action.device) ?? [] },
        });
        return;
      case "deploy":
        this.#deploy(action.device);
        return;
      case "serve":
        this.#requests.open();
        this.#resolveReady();
        this.#options.onEvent?.({
          type: "running",
          generation: this.#deployment.generation,
          emulated: this.#options.emulate === true,
        });
        return;
      case "shutDown":
        void this.#shutDown(action.failure);
    }
  }

  #deploy(device: string): void {
    const { generation } = this.#deployment;
    const deployment = this.#deploymentOf(device);
    const froms = new Set(deployment.receives.flatMap(({ from }) => from ?? []));
    const producers = [...froms].map((name) => ({
      device: name,
      address: this.#reception.link(name)?.agent.address ?? "",
    }));
    const emulation =
      this.#options.emulate === true ? emulate(this.#options.topology, device) : null;
    void this.#reception
      .link(device)
      ?.tell({ type: "deploy", generation, body: { deployment, producers, emulation } });
  }

  #deploymentOf(device: string): DeviceDeployment {
    const found = this.#deployment.devices.find((other) => other.device === device);
    if (found === undefined) throw new Error(`device '${device}' takes no part`);
    return found;
  }

  /** Sends a request's inputs to the source, and wakes devices that wait for no tensor. */
  #enter(request: number, inputs: TensorValues): void {
    const { generation, source, entering, devices } = this.#deployment;
    const send = async (device: string, frame: Parameters<AgentLink["send"]>[0]) => {
      try {
        await this.#reception.link(device)?.send(frame);
      } catch (error) {
        this.#requests.fail(request, error);
      }
    };
    for (const { device, stages } of devices) {
      if (stages.every(({ inputs: needed }) => needed.length > 0)) continue;
      void send(device, encodeMessage({ type: "begin", generation, request }));
    }
    for (const tensor of entering) {
      const value = inputs[tensor];
      if (value === undefined)
        throw new Error(`input '${tensor}' passed the check without a value`);
      void send(source, tensorFrame({ generation, request, tensor }, value));
    }
  }

  #refusalOf({ name, runtime }: Join): CodedError | null {
    const { topology, runtime: reference, mixed } = this.#options;
    const names = topology.devices.map((device) => device.name);
    if (!names.includes(name)) {
      const message = `agent '${name}' is no device of this topology (devices: ${names.join(", ")}); start it with --name NAME`;
      return new CodedError("USAGE_INVALID", message, { name });
    }
    if (mixed === true || runtime === reference) return null;
    return new CodedError(
      "PART_REFUSED",
      `agent '${name}' has ${runtime}, the plan was made for ${reference}: answers could differ in bits; install that version, or allow it with --mixed`,
      { name, runtime, reference },
    );
  }

  /** @throws FRAME_MALFORMED if an agent has no business to say this */
  #hear(link: AgentLink, { message }: Received): void {
    const device = link.agent.name;
    switch (message.type) {
      case "want":
        void this.#sendBlobs(link, message.body.blobs);
        break;
      case "loaded":
      case "deployed":
        this.#options.onEvent?.({ type: message.type, device });
        this.#dispatch({ type: message.type, device });
        break;
      case "failed":
        this.#dispatch({ type: "failed", device, error: message.error });
        break;
      case "lost":
        this.#dispatch({
          type: "unreachable",
          device: message.device,
          from: device,
          why: message.error.message,
        });
        break;
      case "heartbeat":
        link.requests = message.requests;
        link.peakRequests = message.peakRequests;
        this.#dispatch({ type: "heard", device });
        break;
      default:
        throw malformed(`a message '${message.type}'`, "an agent does not send it here");
    }
  }

  async #sendBlobs(link: AgentLink, wanted: readonly string[]): Promise<void> {
    const blobs = wanted.flatMap((sha256) => {
      const bytes = this.#parts.blobs.get(sha256);
      return bytes === undefined ? [] : [{ sha256, bytes }];
    });
    const bytes = blobs.reduce((sum, blob) => sum + blob.bytes.byteLength, 0);
    this.#options.onEvent?.({ type: "sending", device: link.agent.name, bytes });
    try {
      for (const blob of blobs) await link.sendBlob(blob.sha256, blob.bytes);
    } catch {
      // The channel has ended: whoever reads it says so.
    }
  }

  /** @throws FRAME_MALFORMED if the device does not answer with this */
  #takeData(device: string, { message, payload }: Received): void {
    if (message.type === "report") this.#requests.report(message);
    else if (message.type === "failure") {
      this.#requests.fail(message.request, fromWire(message.error));
    } else if (message.type === "tensor") {
      const { tensor, request } = message;
      if (!this.#deploymentOf(device).answers.includes(tensor)) {
        throw malformed(`tensor '${tensor}'`, `device '${device}' does not answer with it`);
      }
      this.#requests.accept(request, tensor, tensorOf({ message, payload }));
    } else throw malformed(`a message '${message.type}'`, "a data channel does not carry it");
  }

  async #watch(intervalSeconds: number): Promise<void> {
    while (!this.#stop.signal.aborted) await this.#after(intervalSeconds, { type: "tick" });
  }

  async #after(duration: number, event: CoordinationEvent): Promise<void> {
    try {
      await this.#options.clock.sleep(seconds(duration), this.#stop.signal);
    } catch {
      // It has ended in the meantime.
      return;
    }
    this.#dispatch(event);
  }

  async #shutDown(failure: WireError | null): Promise<void> {
    this.#stop.abort();
    const error = failure === null ? null : fromWire(failure);
    const why = error ?? new CodedError("CHANNEL_CLOSED", "the coordinator was closed");
    this.#requests.end(why);
    this.#rejectReady(why);
    await this.#reception.close(why);
    this.#options.onEvent?.({ type: "ended", error });
    this.#resolveEnded(error);
  }
}

/** How slow a device and the links from it are. */
function emulate(topology: Topology, device: string): Emulation {
  const speed = topology.devices.find(({ name }) => name === device)?.speed ?? 1;
  const links = topology.links.filter(({ from }) => from === device);
  return {
    speed,
    links: links.map(({ to, bandwidthBitsPerSecond, latencySeconds, medium }) => ({
      to,
      bandwidthBitsPerSecond,
      latencySeconds,
      medium: medium ?? null,
    })),
  };
}
