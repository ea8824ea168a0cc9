import type { Clock } from "../../base/clock.ts";
import { seconds } from "../../base/units.ts";
import type { Transport } from "../../transport/transport.ts";
import { HostClock, type PausedClock } from "./host-clock.ts";
import type { SocketListener } from "./listener.ts";
import type { Socket } from "./socket.ts";

/** One life of a host's programs, from their start to their crash: what they are given of the world. */
export class Machine {
  readonly host: string;
  readonly clock: HostClock;
  readonly transport: Transport;
  /** What the network keeps for it. */
  readonly sockets: Set<Socket> = new Set();
  readonly listeners: Map<string, SocketListener> = new Map();
  readonly #shared: Clock;
  readonly #answers: () => boolean;
  #dead = false;
  #paused = false;
  /** What came during a pause. */
  #held: (() => void)[] = [];

  /**
   * @param answers whether the host's kernel runs, be it for a later life of its programs
   */
  constructor(
    host: string,
    shared: Clock,
    transport: (machine: Machine) => Transport,
    answers: () => boolean,
  ) {
    this.host = host;
    this.#shared = shared;
    this.#answers = answers;
    this.clock = new HostClock(shared);
    this.transport = transport(this);
  }

  get dead(): boolean {
    return this.#dead;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get answers(): boolean {
    return this.#answers();
  }

  /** Lets something happen to the programs: now, after the pause, or never. */
  dispatch(act: () => void): void {
    if (this.#dead) return;
    if (this.#paused || this.#held.length > 0) this.#held.push(act);
    else act();
  }

  pause(clock: PausedClock): void {
    this.#paused = true;
    this.clock.pause(clock);
  }

  /**
   * @param first what the programs see first: that time has passed, or what has come
   */
  async resume(first: "timers" | "frames"): Promise<void> {
    if (!this.#paused || this.#dead) return;
    this.#paused = false;
    if (first === "timers") await this.clock.resume();
    while (!this.#paused) {
      this.#held.shift()?.();
      await this.#shared.sleep(seconds(0));
      if (this.#held.length === 0) break;
    }
    if (first === "frames") await this.clock.resume();
  }

  /** Stops the programs wherever they are: no timer wakes, nothing arrives. */
  kill(): void {
    this.#dead = true;
    this.#held = [];
    this.clock.pause("stands");
    this.listeners.clear();
  }
}
