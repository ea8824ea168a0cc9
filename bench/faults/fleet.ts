import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Liveness, Role, Said, Served } from "./messages.js";
import { type Opening, Relay } from "./relay.js";
import { type DeviceName, deviceNames } from "./setting.js";
import { within } from "./within.js";

/** The same file, whether this one is compiled or not. */
const script = fileURLToPath(new URL("../../dist-bench/faults-process.js", import.meta.url));

/** Something that a process said, and when, in seconds on `performance.now`'s clock. */
export interface Heard {
  readonly at: number;
  readonly who: string;
  readonly said: Said;
}

const storyLength = 40;

interface Waiting {
  readonly wanted: (heard: Heard) => boolean;
  readonly done: (heard: Heard) => void;
}

/** A coordinator and agents as processes of their own, each behind a relay. */
export class Fleet {
  readonly liveness: Liveness;
  /** Everything that was said, in order. */
  readonly history: Heard[] = [];
  readonly #sink: DeviceName;
  readonly #folder = mkdtempSync(join(tmpdir(), "partita-faults-"));
  readonly #relays = new Map<string, Relay>();
  readonly #processes = new Map<string, ChildProcess>();
  readonly #waiting = new Set<Waiting>();
  #starts = 0;
  /** When the last coordinator was started: what an earlier one saw counts no more. */
  #coordinatorSince = 0;

  /**
   * Resolves when it serves.
   *
   * @param sink where the answers are wanted; the camera is the source
   */
  static async start(sink: DeviceName, liveness: Liveness): Promise<Fleet> {
    const fleet = new Fleet(sink, liveness);
    try {
      for (const name of ["coordinator", ...deviceNames]) {
        fleet.#relays.set(name, await Relay.open());
      }
      const serves = fleet.heard(({ said }) => said.type === "serves");
      await fleet.startCoordinator();
      for (const name of deviceNames) fleet.startDevice(name);
      await within(serves, "a cluster that serves");
      return fleet;
    } catch (error) {
      await fleet.end();
      throw error;
    }
  }

  /** Use `start`. */
  private constructor(sink: DeviceName, liveness: Liveness) {
    this.#sink = sink;
    this.liveness = liveness;
  }

  /** Where agents and clients find the coordinator, whichever process it is. */
  get address(): string {
    return this.#relay("coordinator").address;
  }

  /** Where clients find the source without a coordinator. */
  addressOf(name: DeviceName): string {
    return this.#relay(name).address;
  }

  /** From the loss of something silent until it can be known. */
  get silenceSeconds(): number {
    return this.liveness.heartbeatSeconds * this.liveness.missedHeartbeats;
  }

  async startCoordinator(): Promise<void> {
    const { liveness } = this;
    const journal = join(this.#folder, "journal.json");
    const listening = this.heard(
      ({ who, said }) => who === "coordinator" && said.type === "listening",
    );
    this.#coordinatorSince = performance.now() / 1000;
    this.#start("coordinator", {
      type: "coordinator",
      sink: this.#sink,
      liveness,
      journal,
    });
    await listening;
  }

  startDevice(name: DeviceName): void {
    this.#starts++;
    this.#start(name, {
      type: "agent",
      name,
      incarnation: `${name} ${this.#starts}`,
      coordinator: this.address,
      advertised: this.#relay(name).address,
    });
  }

  /** At once, without a word. */
  async kill(name: string): Promise<void> {
    const child = this.#processes.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGKILL");
    await gone;
  }

  signal(name: string, signal: "SIGSTOP" | "SIGCONT"): void {
    this.#processes.get(name)?.kill(signal);
  }

  /**
   * Cuts what goes between two devices: a black hole.
   *
   * @param around whether the coordinator can still pass frames on
   */
  cut(one: string, other: string, around: boolean): void {
    const isBetween = ({ device, to }: Opening): boolean =>
      (device === one && to === other) || (device === other && to === one);
    for (const [name, relay] of this.#relays) {
      if (name === "coordinator" && around) continue;
      relay.cut((opening) => ["attach", "tunnel"].includes(opening.type) && isBetween(opening));
    }
  }

  mend(): void {
    for (const relay of this.#relays.values()) relay.mend();
  }

  /**
   * Resolves when something like this is said.
   *
   * @param since also what was said from then on counts; default: from now on
   */
  async heard(wanted: (heard: Heard) => boolean, since?: number): Promise<Heard> {
    const earlier =
      since === undefined
        ? undefined
        : this.history.find((heard) => heard.at >= since && wanted(heard));
    if (earlier !== undefined) return earlier;
    return await new Promise((resolve) => this.#waiting.add({ wanted, done: resolve }));
  }

  /** Resolves when all devices are there and nothing is left to be done. */
  async rest(): Promise<void> {
    const isRest = ({ said }: Heard): boolean =>
      said.type === "sees" &&
      said.sight.isAtRest &&
      said.sight.joined.length === deviceNames.length;
    const last = this.history.findLast(({ said }) => said.type === "sees");
    const isStale = last === undefined || last.at < this.#coordinatorSince;
    if (isStale || !isRest(last)) await this.heard(isRest);
  }

  /** The plan that serves, as far as the coordinator has said. */
  get serving(): Served {
    const last = this.history.findLast(({ said }) => said.type === "serves");
    if (last?.said.type !== "serves") throw new Error("nothing serves");
    return last.said.served;
  }

  /** Resolves when such a plan serves. */
  async serves(wanted: (served: Served) => boolean): Promise<void> {
    const isServed = ({ said }: Heard): boolean => said.type === "serves" && wanted(said.served);
    if (!wanted(this.serving)) await this.heard(isServed);
  }

  /** Whom a device gets tensors from. @throws if the plan does not need it */
  producerOf(device: DeviceName): string {
    const hop = this.serving.hops.find(({ to }) => to === device);
    if (hop === undefined) throw new Error(`nobody sends to ${device}`);
    return hop.from;
  }

  /** What was said last, for whoever wonders why something does not happen. */
  get story(): string {
    const start = this.history[0]?.at ?? 0;
    const lines = this.history
      .slice(-storyLength)
      .map(({ at, who, said }) => `${(at - start).toFixed(2)} ${who} ${JSON.stringify(said)}`);
    return lines.join("\n");
  }

  async end(): Promise<void> {
    await Promise.all([...this.#processes.keys()].map((name) => this.kill(name)));
    for (const relay of this.#relays.values()) relay.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #relay(name: string): Relay {
    const relay = this.#relays.get(name);
    if (relay === undefined) throw new Error(`there is no relay in front of ${name}`);
    return relay;
  }

  #start(name: string, role: Role): void {
    const child = fork(script, [JSON.stringify(role)], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#processes.set(name, child);
    child.on("message", (said: Said) => this.#hear(name, said));
  }

  #hear(who: string, said: Said): void {
    const heard = { at: performance.now() / 1000, who, said };
    this.history.push(heard);
    if (said.type === "listening") this.#relay(who).lead(said.address);
    for (const one of this.#waiting) {
      if (!one.wanted(heard)) continue;
      this.#waiting.delete(one);
      one.done(heard);
    }
  }
}
