import type { Board } from "./board.ts";

/**
 * What the nodes of each tier hold so far, held against the board's budgets: their parameters, what
 * the device's kind needs by itself, and the tensors of the node at hand. Less than what a placement
 * needs in the end, which only `evaluate` knows.
 */
export class TierRoom {
  readonly #board: Board;
  readonly #held: number[];

  constructor(board: Board) {
    const { problem, tiers } = board;
    this.#board = board;
    this.#held = tiers.devices.map((device) => problem.kinds[device]?.overheadBytes ?? 0);
  }

  add(tier: number, node: number): void {
    this.#held[tier] = (this.#held[tier] as number) + this.#parametersOf(node);
  }

  remove(tier: number, node: number): void {
    this.#held[tier] = (this.#held[tier] as number) - this.#parametersOf(node);
  }

  fits(tier: number, node: number): boolean {
    const budget = this.#board.budgets[tier] as number;
    if (budget === Number.POSITIVE_INFINITY) return true;
    return (this.#held[tier] as number) + this.#parametersOf(node) + this.#liveAt(node) <= budget;
  }

  #parametersOf(node: number): number {
    return this.#board.problem.index.graph.nodes[node]?.parameterBytes ?? 0;
  }

  #liveAt(node: number): number {
    const { graph, nodeInputs, nodeOutputs } = this.#board.problem.index;
    const tensors = new Set([...(nodeInputs[node] ?? []), ...(nodeOutputs[node] ?? [])]);
    let bytes = 0;
    for (const tensor of tensors) bytes += graph.tensors[tensor]?.bytes ?? 0;
    return bytes;
  }
}
