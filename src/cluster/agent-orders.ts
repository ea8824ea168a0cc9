/**
 * From decisions to messages for agents, and from their messages to events.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import { type State, topologyAt } from "../cost/state.ts";
import type { Topology } from "../cost/topology.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { AgentLink } from "./agent-link.ts";
import type { BlobDepot, StockedBlob } from "./blob-depot.ts";
import type { Emulation, Measured, OfferedPart, Want } from "./control-message.ts";
import type { Action, CoordinationEvent, CoordinationState } from "./coordination/state.ts";
import type { DataChannelKind, Opened } from "./data-message.ts";
import { deployMessage, emulationOf } from "./orders.ts";
import type { PartCutter } from "./parts.ts";
import type { BookedPlan, PlanBook } from "./plan-book.ts";
import { Probing } from "./probing.ts";
import { malformed, type Received, tensorFrame } from "./protocol.ts";

/** Offers of what may be needed one day belong to no generation. */
const prefetchGeneration = 0;
/** Of a depot that takes longer agents ask what it has until then, and the coordinator for the rest. */
const stockSeconds = seconds(30);

export interface AgentOrdersOptions {
  readonly topology: Topology;
  readonly emulate: boolean;
  readonly constants: TensorValues;
  readonly cutter: PartCutter;
  readonly book: PlanBook;
  readonly linkOf: (device: string) => AgentLink | undefined;
  /** For clients of a generation, but for its window. */
  readonly opened: Omit<Opened, "window">;
  /** What was asked for; `null`: as many requests as fit. */
  readonly window: number | null;
  /** Of a device, by others. */
  readonly takenBytes: (device: string) => number;
  readonly state: () => CoordinationState;
  readonly dispatch: (event: CoordinationEvent) => void;
  readonly onSending: (device: string, bytes: number) => void;
  readonly onMeasured: (body: Measured["body"]) => void;
  readonly onPending: (device: string) => void;
  /** `null`: agents ask this coordinator for all that they lack. */
  readonly depot: Pick<BlobDepot, "stock"> | null;
  readonly clock: Clock;
  /** Aborted when nobody is told anything any more. */
  readonly signal: AbortSignal;
}

/** Speaks with agents. */
export class AgentOrders {
  readonly probing: Probing;
  readonly #options: AgentOrdersOptions;
  /** What devices and links are to imitate: the topology, as it is at the moment. */
  #imitated: Topology;

  constructor(options: AgentOrdersOptions) {
    this.#options = options;
    this.probing = new Probing(options);
    this.#imitated = options.topology;
  }

  /** Has devices and links imitate a state of the topology. */
  emulate(links: Iterable<AgentLink>, state: State): void {
    const { topology, emulate } = this.#options;
    if (!emulate) return;
    this.#imitated = topologyAt(topology, state);
    for (const link of links) {
      void link.tell({ type: "emulate", emulation: this.#emulationOf(link.agent.name) });
    }
  }

  offer({ device, generation }: Extract<Action, { type: "offer" }>): void {
    const plan = this.#planOf(generation);
    const parts = plan?.parts.get(device) ?? [];
    this.#offer(device, generation, "load", parts);
  }

  /** Parts that a device may need after a loss are to be there before. */
  prefetch(links: Iterable<AgentLink>, plans: readonly BookedPlan[]): void {
    for (const { agent } of links) {
      const parts = plans.flatMap((plan) => plan.parts.get(agent.name) ?? []);
      if (parts.length > 0) this.#offer(agent.name, prefetchGeneration, "prefetch", parts);
    }
  }

  deploy({ device, generation, fences, standby }: Extract<Action, { type: "deploy" }>): void {
    const { book, linkOf, topology, emulate, opened, window, constants } = this.#options;
    const plan = this.#planOf(generation);
    const link = linkOf(device);
    if (plan === undefined || link === undefined) return;
    if (device === topology.source) {
      for (const [tensor, value] of Object.entries(constants)) {
        void link.send(tensorFrame({ generation, request: 0, tensor }, value));
      }
    }
    const memoryOf = (name: string) => this.#memoryOf(name);
    const { window: ownWindow, ...joined } = book.roomOf(plan.number, memoryOf, window);
    void link.tell(
      deployMessage({
        device,
        fences,
        standby,
        deployment: book.deploymentOf(plan.number, generation),
        opened: { ...opened, window: ownWindow },
        ...joined,
        emulation: emulate ? this.#emulationOf(device) : null,
        addressesOf: (name) => linkOf(name)?.agent.addresses ?? [],
      }),
    );
  }

  /** Has a device dial a tunnel to another one. */
  askToDial(device: string, kind: DataChannelKind, from: string): void {
    const { linkOf } = this.#options;
    const addresses = linkOf(from)?.agent.addresses ?? [];
    const peer = { device: from, addresses };
    void linkOf(device)?.tell({ type: "dialBack", kind, peer, tunnel: true });
  }

  /** @throws FRAME_MALFORMED if an agent has no business to say this */
  hear(link: AgentLink, { message }: Received): void {
    const { dispatch, linkOf, onMeasured, onPending, clock } = this.#options;
    const device = link.agent.name;
    link.heardAt = clock.now();
    dispatch({ type: "heard", device });
    switch (message.type) {
      case "heartbeat":
        link.requests = message.requests;
        link.peakRequests = message.peakRequests;
        link.heldBytes = message.heldBytes;
        link.pending = message.pending;
        link.arriving = message.arriving;
        if (message.pending.length > 0) onPending(device);
        return;
      case "want":
        this.#send(link, message);
        return;
      case "loaded":
      case "deployed":
        dispatch({ type: message.type, device, generation: message.generation });
        return;
      case "failed":
        dispatch({
          type: "failed",
          device,
          generation: message.generation,
          error: message.error,
        });
        return;
      case "lost":
      case "reached":
        dispatch({ type: message.type, device, peer: message.device });
        return;
      case "serving":
      case "drained":
        dispatch({ type: message.type, generation: message.generation });
        return;
      case "measured":
        onMeasured(message.body);
        return;
      case "dialBack": {
        const { name, addresses } = link.agent;
        const { kind, peer, tunnel } = message;
        void linkOf(peer.device)?.tell({
          type: "dialBack",
          kind,
          peer: { device: name, addresses },
          tunnel,
        });
        return;
      }
      case "probed":
        this.probing.hear(device, message);
        return;
      case "fetched":
      case "ping":
      case "pong":
        return;
      default:
        throw malformed(`a message '${message.type}'`, "an agent does not send it here");
    }
  }

  /** What a depot lacks, or all where it cannot be reached, agents ask the coordinator for. */
  #offer(
    device: string,
    generation: number,
    purpose: "load" | "prefetch",
    parts: readonly OfferedPart[],
  ): void {
    const { linkOf, depot } = this.#options;
    const offer = { type: "offer", generation, purpose, body: { parts } } as const;
    if (depot === null) {
      void linkOf(device)?.tell(offer);
      return;
    }
    const link = linkOf(device);
    void this.#stock(depot, parts).then(() => {
      const isWanted = purpose === "prefetch" || this.#planOf(generation) !== undefined;
      // Whoever joined meanwhile got an offer of its own.
      if (isWanted && linkOf(device) === link) void link?.tell(offer);
    });
  }

  /** Resolves when blobs are in a depot, or are not waited for any more. */
  async #stock(depot: Pick<BlobDepot, "stock">, parts: readonly OfferedPart[]): Promise<void> {
    const { clock, signal } = this.#options;
    const done = new AbortController();
    const end = () => done.abort();
    signal.addEventListener("abort", end, { once: true });
    const stocked = depot.stock(this.#blobsOf(parts));
    const late = clock.sleep(stockSeconds, done.signal);
    await Promise.race([stocked, late].map((one) => one.catch(() => undefined)));
    signal.removeEventListener("abort", end);
    end();
  }

  #blobsOf(parts: readonly OfferedPart[]): StockedBlob[] {
    const references = parts.flatMap(({ skeleton, weights }) => [skeleton, ...weights]);
    return references.flatMap(({ sha256 }) => {
      const bytes = this.#options.cutter.blob(sha256);
      return bytes === undefined ? [] : [{ sha256, bytes }];
    });
  }

  #send(link: AgentLink, { generation, body }: Want): void {
    const { cutter, onSending } = this.#options;
    const blobs = body.blobs.flatMap(({ sha256, offset }) => {
      const bytes = cutter.blob(sha256);
      return bytes === undefined ? [] : [{ sha256, bytes, offset }];
    });
    const bytes = blobs.reduce((sum, blob) => sum + blob.bytes.byteLength - blob.offset, 0);
    if (bytes > 0) onSending(link.agent.name, bytes);
    link.queue(blobs, generation !== prefetchGeneration);
  }

  /** What a plan sends over the relay goes over it, even if there is a link. */
  #emulationOf(device: string): Emulation {
    const { book, state } = this.#options;
    const relayed = state().generations.flatMap(({ plan, generation }) =>
      book
        .deploymentOf(plan, generation)
        .devices.filter((other) => other.device === device)
        .flatMap(({ forwards }) =>
          forwards.flatMap(({ to, via }) => (via === undefined ? [] : to)),
        ),
    );
    return emulationOf(this.#imitated, device, new Set(relayed));
  }

  #planOf(generation: number): BookedPlan | undefined {
    const { state, book } = this.#options;
    const found = state().generations.find((other) => other.generation === generation);
    return found === undefined ? undefined : book.get(found.plan);
  }

  /** What a device may use: as the topology says and as its agent says, less what others do. */
  #memoryOf(device: string): number | null {
    const { topology, linkOf, takenBytes } = this.#options;
    const stated = topology.devices.find(({ name }) => name === device)?.memoryBytes ?? null;
    const told = linkOf(device)?.agent.memoryBytes ?? null;
    if (stated === null && told === null) return null;
    return Math.min(stated ?? Infinity, told ?? Infinity) - takenBytes(device);
  }
}
