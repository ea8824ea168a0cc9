import type { Clock } from "../../base/clock.ts";
import { mainGraph } from "../../onnx/message.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { createDigestRuntime } from "./digest-runtime.ts";
import type { Settings } from "./setting.ts";

/** What one life of a device's program has loaded, of all models. */
export class Sessions {
  readonly #settings: Settings;
  readonly #complain: (violation: string) => void;
  readonly #counts = new Map<string, number>();
  #usedBytes = 0;

  constructor(settings: Settings, complain: (violation: string) => void) {
    this.#settings = settings;
    this.#complain = complain;
  }

  /** How many sessions there are of each model, by the name of its graph. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /**
   * Runs parts of all models.
   *
   * @param refuses asked before each part
   */
  runtime(clock: Clock, refuses: () => boolean): Runtime {
    const runtimes = new Map(
      this.#settings.map(({ profile, secondsOf, bytesOf }) => [
        profile.graph.name,
        createDigestRuntime(clock, secondsOf, "digest 1", bytesOf),
      ]),
    );
    return {
      name: "digest 1",
      load: async (model, options) => {
        if (refuses()) throw new Error("the runtime is out of memory");
        const { name } = mainGraph(model.proto);
        const runtime = runtimes.get(name);
        if (runtime === undefined) throw new Error(`no model is called '${name}'`);
        const bytes = [...model.weights.values()].reduce((sum, { length }) => sum + length, 0);
        this.#count(name, 1, bytes);
        const session = await runtime.load(model, options);
        let isReleased = false;
        return {
          ...session,
          run: (values) => {
            if (isReleased) this.#complain(`a part of ${name} runs that was released`);
            return session.run(values);
          },
          release: async () => {
            if (isReleased) this.#complain(`a part of ${name} is released twice`);
            isReleased = true;
            this.#count(name, -1, -bytes);
            await session.release();
          },
        };
      },
    };
  }

  #count(name: string, count: number, bytes: number): void {
    this.#usedBytes += bytes;
    const counted = (this.#counts.get(name) ?? 0) + count;
    if (counted === 0) this.#counts.delete(name);
    else this.#counts.set(name, counted);
    const [{ memoryBytes }] = this.#settings;
    if (memoryBytes === null || this.#usedBytes <= memoryBytes) return;
    this.#complain(`weights of ${this.#usedBytes} bytes are loaded, of ${memoryBytes} at most`);
  }
}
