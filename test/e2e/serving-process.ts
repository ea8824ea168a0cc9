import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { elementCount } from "../../src/graph/tensor-value.ts";

/** Three devices as processes take their time on a busy machine. */
const patienceSeconds = 60;

export interface Line {
  readonly type?: string;
  readonly model?: string;
  readonly http: string;
  readonly grpc: string;
  readonly address: string;
  readonly token: string;
}

/** `partita serve`, and what it says, line by line. */
export class ServingProcess {
  readonly child: ChildProcess;
  readonly #lines: Line[] = [];
  #wake: () => void = () => undefined;

  constructor(child: ChildProcess) {
    this.child = child;
    if (child.stdout === null) throw new Error("its output is not read");
    createInterface({ input: child.stdout }).on("line", (line) => {
      this.#lines.push(JSON.parse(line));
      this.#wake();
    });
  }

  /** The next line that is like this; those before it are passed over. */
  async hear(wanted: (line: Line) => boolean): Promise<Line> {
    const late = AbortSignal.timeout(1000 * patienceSeconds);
    late.addEventListener("abort", () => this.#wake(), { once: true });
    for (;;) {
      for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
        if (wanted(line)) return line;
      }
      late.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async ended(): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    return await new Promise((resolve) => this.child.once("exit", resolve));
  }
}

/** A request of noise that is the same each time. */
export async function questionOf(http: string, model: string): Promise<unknown> {
  const metadata = await (await fetch(`${http}/v2/models/${model}`)).json();
  const { inputs } = metadata as {
    inputs: { name: string; shape: number[]; datatype: string }[];
  };
  return {
    inputs: inputs.map(({ name, shape, datatype }) => ({
      name,
      shape,
      datatype,
      data: Array.from({ length: elementCount(shape) }, (_, at) => ((at * 7919) % 256) / 256),
    })),
  };
}
