import type { Flow, ThroughputModel } from "./model.ts";

/** The loads of devices, links and media, as `evaluate` counts them, stage by stage. */
export class Loads {
  readonly #model: ThroughputModel;
  /** Devices first, then links, then media. */
  #seconds: Float64Array;
  readonly #wires: readonly number[];
  readonly #routes = new Map<number, readonly number[] | null>();
  readonly #direct: (readonly number[] | null | undefined)[] = [];
  readonly #passed = new Set<number>();

  constructor(model: ThroughputModel) {
    this.#model = model;
    const { devices, topology } = model.problem;
    const media = [...new Set(topology.links.flatMap(({ medium }) => medium ?? []))];
    const firstMedium = devices.length + topology.links.length;
    this.#wires = topology.links.map(({ medium }, link) =>
      medium === undefined ? devices.length + link : firstMedium + media.indexOf(medium),
    );
    this.#seconds = new Float64Array(firstMedium + media.length);
  }

  reset(): void {
    this.#seconds.fill(0);
  }

  save(): Float64Array {
    return this.#seconds.slice();
  }

  restore(saved: Float64Array): void {
    this.#seconds = saved.slice();
  }

  max(): number {
    let most = 0;
    for (const seconds of this.#seconds) if (seconds > most) most = seconds;
    return most;
  }

  addCompute(device: number, seconds: number): void {
    (this.#seconds[device] as number) += seconds;
  }

  /** Adds the hops of a flow; `false` if there is no route. */
  addFlow(position: number, from: number, destinations: Iterable<number>): boolean {
    this.#passed.clear();
    for (const to of destinations) {
      const route = this.#route(position, from, to);
      if (route === null) return false;
      for (const link of route) this.#passed.add(link);
    }
    for (const link of this.#passed) {
      const shares = this.#sharesOf(link, position);
      for (let at = 0; at < shares.length; at += 2) {
        (this.#seconds[shares[at] as number] as number) += shares[at + 1] as number;
      }
    }
    return true;
  }

  /** As `addFlow` with one destination; remembers what that adds. */
  addDirect(position: number, from: number, to: number): boolean {
    const count = this.#model.problem.devices.length;
    const key = (position * count + from) * count + to;
    let shares = this.#direct[key];
    if (shares === undefined) {
      const route = this.#route(position, from, to);
      shares = route?.flatMap((link) => this.#sharesOf(link, position)) ?? null;
      this.#direct[key] = shares;
    }
    if (shares === null) return false;
    for (let at = 0; at < shares.length; at += 2) {
      (this.#seconds[shares[at] as number] as number) += shares[at + 1] as number;
    }
    return true;
  }

  /** What a hop adds, as pairs of place and seconds. */
  #sharesOf(link: number, position: number): number[] {
    const { hops, devices } = this.#model.problem;
    const { tensor } = this.#model.flows[position] as Flow;
    const { from, to } = hops.links[link] as { from: number; to: number };
    const whole = hops.hopSeconds(link, tensor);
    const isExclusive = (device: number) => devices[device]?.communication === "exclusive";
    return [
      from,
      isExclusive(from) ? whole : hops.sendSeconds(link, tensor),
      to,
      isExclusive(to) ? whole : hops.receiveSeconds(link, tensor),
      this.#wires[link] as number,
      hops.wireSeconds(link, tensor),
    ];
  }

  #route(position: number, from: number, to: number): readonly number[] | null {
    const { problem, flows } = this.#model;
    const count = problem.devices.length;
    const key = (position * count + from) * count + to;
    let route = this.#routes.get(key);
    if (route === undefined) {
      route = problem.hops.route(from, to, flows[position]?.tensor as number);
      this.#routes.set(key, route);
    }
    return route;
  }
}
