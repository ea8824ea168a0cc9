import type { Problem } from "../problem.ts";
import type { Flow, ThroughputModel } from "./exact-throughput-model.ts";

/** The loads of devices, links and media, as `evaluate` counts them, stage by stage. */
export class Loads {
  readonly #model: ThroughputModel;
  /** Devices first, then links, then media. */
  #seconds: Float64Array;
  readonly #wires: readonly number[];
  readonly #routes = new Map<number, readonly number[] | null>();
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
    const { problem, flows } = this.#model;
    const { bytes } = flows[position] as Flow;
    this.#passed.clear();
    for (const to of destinations) {
      const route = this.#route(position, from, to);
      if (route === null) return false;
      for (const link of route) this.#passed.add(link);
    }
    for (const link of this.#passed) this.#addHop(problem, link, bytes);
    return true;
  }

  #addHop(problem: Problem, link: number, bytes: number): void {
    const { hops, devices } = problem;
    const { from, to } = hops.links[link] as { from: number; to: number };
    const whole = hops.hopSeconds(link, bytes);
    const isExclusive = (device: number) => devices[device]?.communication === "exclusive";
    (this.#seconds[from] as number) += isExclusive(from) ? whole : hops.sendSeconds(from, bytes);
    (this.#seconds[to] as number) += isExclusive(to) ? whole : hops.receiveSeconds(to, bytes);
    (this.#seconds[this.#wires[link] as number] as number) += hops.wireSeconds(link, bytes);
  }

  #route(position: number, from: number, to: number): readonly number[] | null {
    const { problem, flows } = this.#model;
    const count = problem.devices.length;
    const key = (position * count + from) * count + to;
    let route = this.#routes.get(key);
    if (route === undefined) {
      route = problem.hops.route(from, to, flows[position]?.bytes as number);
      this.#routes.set(key, route);
    }
    return route;
  }
}
