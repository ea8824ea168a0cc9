import type { Clock } from "../../base/clock.ts";
import { createRandom } from "../../base/random.ts";
import type { ModelKey } from "../../cluster/shared-listener.ts";
import type { TensorType } from "../../graph/tensor-value.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import type { Machine } from "../network/machine.ts";
import { MuteProgram } from "./mute-program.ts";
import { Program } from "./program.ts";

/** One question, from the asking to its end. Times are on the shared clock. */
export interface Asked {
  readonly request: number;
  readonly host: string;
  readonly askedSeconds: number;
  readonly deadlineSeconds: number | null;
  /** Whether the program asks again under the same id, whatever happens. */
  readonly isRepeated: boolean;
  /** Whether the program has said that it does not want the answer any more. */
  isCancelled: boolean;
  /** `null`: it is still open. `abandoned`: the program that asked was killed. */
  end: { readonly atSeconds: number; readonly outcome: "answered" | "abandoned" | string } | null;
}

export interface LoadOptions {
  /** Of the programs that nothing befalls. */
  readonly machine: Machine;
  /** Of the world outside, for the times of requests. */
  readonly clock: Clock;
  readonly seed: number;
  /** Of the graph's only input, `x`. */
  readonly input: TensorType;
  /** Whom they ask; `null`: who runs there. */
  readonly model: ModelKey;
  readonly requestsPerSecond: number;
  readonly seconds: number;
  /** What the whole model answers. */
  readonly expected: (inputs: TensorValues) => Promise<TensorValues>;
  readonly complain: (violation: string) => void;
  readonly log: (host: string, what: unknown) => void;
}

/** A question that was asked under an id by a program that has been killed since. */
export interface Unfinished {
  readonly id: string;
  readonly inputs: TensorValues;
}

/**
 * Programs that ask at a steady rate: one that gives up what was under way when its channel ends and
 * connects again, one that asks again under the same ids, one that reads nothing, and one on a host
 * that faults befall, which asks again under the ids of its earlier lives. Some questions have a
 * deadline, some are given up, some are asked twice at once. Each answer is compared with the whole
 * model's.
 */
export class Load {
  readonly asked: Asked[] = [];
  readonly #options: LoadOptions;
  readonly #programs: Program[] = [];
  readonly #mute: MuteProgram;
  /** What the visitor has asked and not heard of, by id: it stands on its disk. */
  readonly #unfinished = new Map<string, Unfinished>();
  #visitor: Program | null = null;
  #wrong = 0;
  #end = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#mute = new MuteProgram(options);
  }

  start(): void {
    const { clock, seconds: duration, machine, seed } = this.#options;
    this.#end = clock.now() + duration;
    this.#programs.push(
      this.#program(machine, "steady", 1, false),
      this.#program(machine, "stubborn", 2, true),
    );
    if (createRandom(seed).next() < 0.3) void this.#mute.ask();
  }

  /** Starts the program on the host that faults befall, for the first time or again. */
  visit(machine: Machine, life: number): void {
    this.#visitor = this.#program(machine, `visitor's`, 2 + life, true);
    this.#programs.push(this.#visitor);
  }

  /** That host has crashed. */
  abandon(): void {
    this.#visitor?.abandon();
  }

  get open(): readonly Asked[] {
    return this.asked.filter(({ end }) => end === null);
  }

  /** How many answers were not those of the whole model. */
  get wrong(): number {
    return this.#wrong;
  }

  async close(): Promise<void> {
    for (const program of this.#programs) await program.close();
    await this.#mute.close();
  }

  #program(machine: Machine, name: string, number: number, isRepeated: boolean): Program {
    const { seed, requestsPerSecond } = this.#options;
    const program = new Program({
      ...this.#options,
      machine,
      name: `${name} ${number}`,
      random: createRandom(seed + number * 2 ** 20),
      requestsPerSecond: requestsPerSecond / 2,
      endSeconds: this.#end,
      isRepeated,
      asked: this.asked,
      onWrong: () => {
        this.#wrong++;
      },
      unfinished: name === "visitor's" ? this.#unfinished : new Map(),
    });
    void program.run();
    return program;
  }
}
