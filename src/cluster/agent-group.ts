import { CodedError, type ErrorCode, isCoded } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { Agent } from "./agent.ts";
import {
  type AgentEvent,
  type AgentOptions,
  type AgentTrace,
  dialableAt,
} from "./agent-options.ts";
import { DeviceResources } from "./device-resources.ts";
import { Ending } from "./ending.ts";
import type { Opening } from "./handshake.ts";
import { coded } from "./protocol.ts";
import { followModels } from "./roster-client.ts";
import { type ModelKey, SharedListener } from "./shared-listener.ts";

export interface AgentGroupOptions
  extends Omit<AgentOptions, "model" | "resources" | "onEvent" | "onTrace"> {
  /** @param model whose agent it is about; `null`: of the one without a name, or of none */
  readonly onEvent?: (event: AgentEvent, model: ModelKey) => void;
  readonly onTrace?: (trace: AgentTrace, model: ModelKey) => void;
}

/** Between two attempts to reach a coordinator that is away, or to join for a model that is not ready. */
const pauseSeconds = seconds(0.5);

/** What says nothing of this device: another attempt may succeed, or the model is not wanted soon. */
const passing: ReadonlySet<ErrorCode> = new Set([
  "CHANNEL_CLOSED",
  "MODEL_NOT_READY",
  "MODEL_UNKNOWN",
]);

/**
 * The process on a device: an agent for each model that its coordinator runs, as they come and go.
 * They share what the device has, its key and the address at which the others dial it. What ends one
 * agent because of what this device is ends all.
 */
export class AgentGroup implements AsyncDisposable {
  readonly #ending = new Ending();
  readonly #options: AgentGroupOptions;
  readonly #listener: SharedListener;
  readonly #resources: DeviceResources;
  /** Ends the agent of each model. */
  readonly #tenants = new Map<ModelKey, AbortController>();
  readonly #leaving = new Set<Promise<void>>();
  readonly #over = new AbortController();
  #lives = 0;

  /**
   * Asks a coordinator which models it runs, and begins to join for each.
   *
   * @throws CHANNEL_CLOSED if the coordinator does not answer; PORT_IN_USE; TOKEN_REFUSED;
   * IDENTITY_REFUSED
   */
  static async join(options: AgentGroupOptions): Promise<AgentGroup> {
    const { transport, clock, token, listen } = options;
    const listener = await SharedListener.open(listen, { transport, clock, token, resolve: meant });
    const group = new AgentGroup(options, listener);
    try {
      await group.#begin();
    } catch (error) {
      await listener.close();
      throw error;
    }
    return group;
  }

  /** Use `join`. */
  private constructor(options: AgentGroupOptions, listener: SharedListener) {
    this.#options = options;
    this.#listener = listener;
    this.#resources = new DeviceResources(options);
  }

  /** Resolves when the group has ended: `null` if it was shut down or closed, else why. */
  get ended(): Promise<CodedError | null> {
    return this.#ending.ended;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Where its agents listen, as the others may dial them. */
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

  async #begin(): Promise<void> {
    const models = this.#follow();
    const first = await models.next();
    if (first.done === true) void this.#end(null);
    else this.#host(first.value);
    void this.#obey(models);
  }

  #follow(): ReturnType<typeof followModels> {
    const { transport, clock, coordinator: address, token } = this.#options;
    return followModels({ transport, clock, address, token, signal: this.#over.signal });
  }

  /** Follows what the coordinator runs; agents go on while it is away. */
  async #obey(first: ReturnType<typeof followModels>): Promise<void> {
    const { signal } = this.#over;
    for (let models = first; !signal.aborted; models = this.#follow()) {
      try {
        for await (const wanted of models) this.#host(wanted);
        // It has told everybody to end, or this side does.
        void this.#end(null);
        return;
      } catch (error) {
        if (isCoded(error) && error.code === "TOKEN_REFUSED") void this.#end(coded(error));
      }
      await this.#options.clock.sleep(pauseSeconds, signal).catch(() => undefined);
    }
  }

  #host(models: readonly ModelKey[]): void {
    for (const [model, tenant] of this.#tenants) if (!models.includes(model)) tenant.abort();
    for (const model of models) if (!this.#tenants.has(model)) this.#start(model);
  }

  #start(model: ModelKey): void {
    const tenant = new AbortController();
    this.#tenants.set(model, tenant);
    const life = this.#live(model, tenant.signal)
      .catch((error: unknown) => void this.#end(coded(error)))
      .finally(() => {
        this.#leaving.delete(life);
        this.#tenants.delete(model);
      });
    this.#leaving.add(life);
  }

  /**
   * One agent after the other, as long as the model is wanted: it may be unloaded and loaded again.
   *
   * @throws what ends the agent because of what this device is
   */
  async #live(model: ModelKey, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const error = await this.#liveOnce(model, signal);
      if (error !== null && !passing.has(error.code)) throw error;
      await this.#options.clock.sleep(pauseSeconds, signal).catch(() => undefined);
    }
  }

  /** @returns why it has ended, or did not begin; `null`: it was shut down */
  async #liveOnce(model: ModelKey, signal: AbortSignal): Promise<CodedError | null> {
    try {
      const agent = await Agent.join(this.#agentOptions(model));
      const leave = () => void agent.close();
      signal.addEventListener("abort", leave, { once: true });
      if (signal.aborted) leave();
      return await agent.ended.finally(() => signal.removeEventListener("abort", leave));
    } catch (error) {
      return coded(error);
    }
  }

  #agentOptions(model: ModelKey): AgentOptions {
    const { onEvent, onTrace, incarnation, ...options } = this.#options;
    this.#lives++;
    return {
      ...options,
      ...(model === null ? {} : { model }),
      // One that begins again has forgotten what it held.
      incarnation: `${incarnation}.${this.#lives}`,
      transport: this.#listener.transportFor(model),
      resources: this.#resources,
      ...(onEvent === undefined ? {} : { onEvent: (event) => onEvent(event, model) }),
      ...(onTrace === undefined ? {} : { onTrace: (trace) => onTrace(trace, model) }),
    };
  }

  #end(error: CodedError | null): Promise<void> {
    return this.#ending.begin(error, () => this.#shutDown());
  }

  async #shutDown(): Promise<void> {
    this.#over.abort();
    for (const tenant of this.#tenants.values()) tenant.abort();
    await Promise.all(this.#leaving);
    await this.#listener.close();
  }
}

/** Whom a channel means: the agent of its model, or the only one, whatever name the coordinator's has. */
function meant({ model }: Opening, listening: ReadonlySet<ModelKey>): ModelKey | CodedError {
  if (model !== undefined && listening.has(model)) return model;
  if (listening.has(null)) return null;
  const [first] = listening;
  if (model === undefined && first !== undefined) return first;
  const message = `this device does not run ${model === undefined ? "anything" : `the model '${model}'`} yet; try again`;
  return new CodedError("CHANNEL_CLOSED", message, { model });
}
