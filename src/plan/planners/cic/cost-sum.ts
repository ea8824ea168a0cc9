import { createHops, type Hops } from "../../../cost/hops.ts";
import { type CostLine, type CostTerms, costTerms } from "../../cost-line.ts";
import type { Problem } from "../../problem.ts";

/** The cost of an additive objective by state, added up term by term. */
export class CostSum {
  readonly #problem: Problem;
  readonly #terms: CostTerms;
  #constant = 0;
  readonly #perLink: number[];
  readonly #perDevice: number[];

  constructor(problem: Problem) {
    this.#problem = problem;
    this.#terms = costTerms(problem) as CostTerms;
    this.#perLink = problem.topology.links.map(() => 0);
    this.#perDevice = problem.devices.map(() => 0);
  }

  addNode(device: number, node: number): void {
    this.#addWork(device, this.#terms.node(device, node));
  }

  addHop(tensor: number, link: number): void {
    this.#addHop(this.#problem.hops, tensor, link, 1);
  }

  /** Tensors of so many bytes together, none of them coded. */
  addCargo(bytes: number, tensors: number, link: number): void {
    if (tensors === 0) return;
    const { topology, kinds } = this.#problem;
    const hops = createHops(topology, kinds, [{ bytes: bytes / tensors }]);
    this.#addHop(hops, 0, link, tensors);
  }

  line(): CostLine {
    return { constant: this.#constant, perLink: this.#perLink, perDevice: this.#perDevice };
  }

  #addHop(hops: Hops, tensor: number, link: number, times: number): void {
    const { from, to } = hops.links[link] as { from: number; to: number };
    const added = this.#terms.hop(hops, tensor, link);
    this.#constant += times * added.constant;
    this.#perLink[link] = (this.#perLink[link] as number) + times * added.perLink;
    this.#addWork(from, times * added.sender);
    this.#addWork(to, times * added.receiver);
  }

  #addWork(device: number, cost: number): void {
    this.#perDevice[device] = (this.#perDevice[device] as number) + cost;
  }
}
