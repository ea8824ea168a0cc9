/**
 * Many hosts in one process, and the network between them, in virtual time: latencies, bandwidths,
 * partitions, crashes, pauses, frames that come twice and late. Everything that chance decides comes
 * from one seed, so that equal programs have equal lives.
 *
 * An address is `host:port`. Each host has an address space of its own.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { seconds } from "../base/units.ts";
import {
  type Channel,
  type ConnectOptions,
  defaultLimits,
  type Frame,
  type Listener,
  type Transport,
} from "../transport/transport.ts";
import type { PausedClock } from "./network/host-clock.ts";
import { SocketListener } from "./network/listener.ts";
import { Machine } from "./network/machine.ts";
import { type Disorder, order, Shuffle } from "./network/shuffle.ts";
import { Socket } from "./network/socket.ts";
import { type LinkSpeed, Wire } from "./network/wire.ts";

/** How a host goes down: its kernel ends its channels, or nothing is heard of it any more. */
export type Crash = "killed" | "unplugged";

/** How a stranger fares who dials a host that cannot be dialled. */
export type Unreachable = "refused" | "swallowed";

export interface NetworkOptions {
  /** Of the world outside; a virtual one. */
  readonly clock: Clock;
  readonly random: Random;
  /** What every link is until it is told otherwise; links within a host take no time. */
  readonly link: LinkSpeed;
  /** Told of each frame that is sent; it must not change anything. */
  readonly onSend?: (socket: Socket, header: Frame["header"]) => void;
}

interface Host {
  machine: Machine | null;
  /** Whether there is a kernel that answers for programs that do not run. */
  plugged: boolean;
  lastPort: number;
  /** Sides of channels whose program died. */
  orphans: Set<Socket>;
  /** Diallers that wait for the host to be plugged in again. */
  knocking: (() => void)[];
  unreachable: Unreachable | null;
}

const withinHost: LinkSpeed = {
  latencySeconds: 0,
  bandwidthBitsPerSecond: Number.POSITIVE_INFINITY,
};

/** Hosts come into being when they are first named; until `boot` nobody answers there. */
export class Network {
  /** From now on, frames on all channels come twice and late so often. */
  disorder: Disorder = order;
  readonly #options: NetworkOptions;
  readonly #hosts = new Map<string, Host>();
  readonly #wires = new Map<string, Wire>();
  /** Pairs, both ways, whose channels are refused. */
  readonly #refused = new Set<string>();

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  /** Starts a host's programs, for the first time or again after a crash. */
  boot(name: string): Machine {
    const host = this.#host(name);
    const machine = new Machine(
      name,
      this.#options.clock,
      (own) => this.#transport(own),
      () => host.plugged,
    );
    host.machine = machine;
    host.plugged = true;
    for (const socket of host.orphans) socket.disown();
    for (const knock of host.knocking.splice(0)) knock();
    return machine;
  }

  /** Stops a host's programs for good. */
  crash(name: string, how: Crash): void {
    const host = this.#host(name);
    const { machine } = host;
    if (machine === null) return;
    const sockets = [...machine.sockets];
    machine.kill();
    host.machine = null;
    host.plugged = how === "killed";
    for (const socket of sockets) {
      host.orphans.add(socket);
      void socket.other?.ended.then(() => host.orphans.delete(socket));
      if (how === "killed") socket.reset(`the program at ${name} is gone`);
    }
  }

  /** Stops a host's programs until `resume`; what is sent to them waits. */
  pause(name: string, clock: PausedClock): void {
    this.#host(name).machine?.pause(clock);
  }

  async resume(name: string, first: "timers" | "frames"): Promise<void> {
    await this.#host(name).machine?.resume(first);
  }

  /** From now on the link from one host to another is as fast as this. */
  shape(from: string, to: string, speed: LinkSpeed): void {
    this.#wire(from, to).speed = speed;
  }

  /**
   * Takes the link from one host to another down. `swallowed`: what is sent gets there when the link
   * is up again, if its channel still stands then, and who dials hangs. `refused`: channels between
   * the two end at once, in both directions, and who dials is refused.
   */
  cut(from: string, to: string, how: Unreachable): void {
    if (how === "swallowed") {
      this.#wire(from, to).cut();
      return;
    }
    this.#refused.add(pairOf(from, to));
    const machines = [from, to].map((name) => this.#host(name).machine);
    for (const socket of machines.flatMap((machine) => [...(machine?.sockets ?? [])])) {
      const ends = [socket.machine.host, socket.other?.machine.host];
      if (ends.includes(from) && ends.includes(to))
        socket.fail("the link between the hosts is down");
    }
  }

  /** Ends those channels of a host, on both sides, that began with such a message. */
  sever(name: string, isMeant: (opening: Frame["header"]) => boolean): void {
    for (const socket of [...(this.#host(name).machine?.sockets ?? [])]) {
      if (socket.opening === null || !isMeant(socket.opening)) continue;
      for (const side of [socket, socket.other]) side?.fail("what it went through broke");
    }
  }

  heal(from: string, to: string): void {
    this.#refused.delete(pairOf(from, to));
    this.#wire(from, to).heal();
  }

  /** Whether what is sent from one host gets to another. */
  carries(from: string, to: string): boolean {
    return !this.#refused.has(pairOf(from, to)) && this.#wire(from, to).up;
  }

  /** A host that others cannot dial, as behind address translation; `null`: they can again. */
  hide(name: string, how: Unreachable | null): void {
    this.#host(name).unreachable = how;
  }

  #host(name: string): Host {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const host: Host = {
      machine: null,
      plugged: true,
      lastPort: 0,
      orphans: new Set(),
      knocking: [],
      unreachable: null,
    };
    this.#hosts.set(name, host);
    return host;
  }

  #wire(from: string, to: string): Wire {
    const key = JSON.stringify([from, to]);
    const known = this.#wires.get(key);
    if (known !== undefined) return known;
    const { clock, link } = this.#options;
    const wire = new Wire(clock, from === to ? withinHost : link);
    this.#wires.set(key, wire);
    return wire;
  }

  #transport(machine: Machine): Transport {
    return {
      name: "simulated",
      connect: (address, options) => this.#connect(machine, address, options),
      listen: async (address, limits = defaultLimits) => {
        return this.#listen(machine, address, limits);
      },
    };
  }

  #listen(machine: Machine, wanted: string, limits: typeof defaultLimits): Listener {
    const host = this.#host(machine.host);
    const address = wanted.endsWith(":0") ? `${machine.host}:${++host.lastPort}` : wanted;
    if (machine.listeners.has(address)) {
      throw new CodedError("PORT_IN_USE", `somebody listens at ${address} already`, { address });
    }
    const listener = new SocketListener(address, limits, machine);
    machine.listeners.set(address, listener);
    return listener;
  }

  #connect(machine: Machine, address: string, options: ConnectOptions = {}): Promise<Channel> {
    const { signal, limits = defaultLimits } = options;
    const target = address.slice(0, address.lastIndexOf(":"));
    return new Promise((resolve, reject) => {
      let hung = true;
      let near: Socket | null = null;
      /** The dialler hears of it once, when it runs and has not given up. */
      const conclude = (act: () => void) =>
        machine.dispatch(() => {
          if (!hung) return;
          hung = false;
          signal?.removeEventListener("abort", onAbort);
          act();
        });
      const onAbort = () =>
        conclude(() => {
          reject(signal?.reason);
          // The kernel does not wait for the far side's word about a channel that nobody wants.
          void near?.close();
        });
      signal?.addEventListener("abort", onAbort, { once: true });
      if (signal?.aborted) {
        onAbort();
        return;
      }
      const refuse = (why: string) =>
        conclude(() => reject(new CodedError("CHANNEL_CLOSED", why, { address })));
      this.#knock(machine, target, address, {
        refuse,
        accept: (listener, far) => {
          const dialled = this.#socket(machine, far, address, limits);
          near = dialled;
          const accepted = this.#socket(
            far,
            machine,
            `${machine.host}:${address}`,
            listener.limits,
          );
          dialled.join(accepted);
          listener.accept(accepted);
          if (!hung) void dialled.close();
          else this.#wire(target, machine.host).carry(0, () => conclude(() => resolve(dialled)));
        },
      });
    });
  }

  /** Carries a dialler's wish to a host, and what the host's kernel says to it back. */
  #knock(
    { host: from }: Machine,
    to: string,
    address: string,
    reply: {
      refuse(why: string): void;
      accept(listener: SocketListener, machine: Machine): void;
    },
  ): void {
    if (!this.#hosts.has(to)) {
      const nowhere = this.#options.clock.sleep(seconds(0));
      void nowhere.then(() => reply.refuse(`there is no host '${to}' for ${address}`));
      return;
    }
    const refuse = (why: string) => this.#wire(to, from).carry(0, () => reply.refuse(why));
    const arrive = () => {
      const { machine, plugged, unreachable, knocking } = this.#host(to);
      const listener = machine?.listeners.get(address);
      if (!plugged) knocking.push(arrive);
      else if (unreachable === "swallowed" && from !== to) return;
      else if (this.#refused.has(pairOf(from, to)) || (unreachable !== null && from !== to)) {
        refuse(`${address} cannot be reached from ${from}`);
      } else if (machine === null || listener === undefined) refuse(`nobody listens at ${address}`);
      else reply.accept(listener, machine);
    };
    this.#wire(from, to).carry(0, arrive);
  }

  #socket(own: Machine, other: Machine, peer: string, limits: typeof defaultLimits): Socket {
    const { clock, random, onSend = () => undefined } = this.#options;
    const shuffle = new Shuffle(clock, random, () => this.disorder);
    const wire = this.#wire(own.host, other.host);
    return new Socket({ peer, limits, machine: own, wire, shuffle, onSend });
  }
}

function pairOf(one: string, other: string): string {
  return JSON.stringify([one, other].sort());
}
