import { decide } from "./coordination/decide.ts";
import { type Happening, historyBetween } from "./coordination/history.ts";
import { reduce } from "./coordination/reduce.ts";
import type { Action, CoordinationEvent, CoordinationState } from "./coordination/state.ts";

export interface DispatcherOptions {
  readonly initial: CoordinationState;
  /** Starts what an action asks for; it may dispatch more. */
  readonly perform: (action: Action) => void;
  readonly onHappening: (happening: Happening) => void;
  /** Called when an event and all that follows from it has been taken in. */
  readonly onSettled: (before: CoordinationState, after: CoordinationState) => void;
}

/** Takes in what happens, one event after the other, and starts what follows from each. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #queue: CoordinationEvent[] = [];
  #state: CoordinationState;
  #isBusy = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#state = options.initial;
  }

  get state(): CoordinationState {
    return this.#state;
  }

  dispatch(event: CoordinationEvent): void {
    this.#queue.push(event);
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const before = this.#state;
        this.#take(next);
        this.#act();
        this.#options.onSettled(before, this.#state);
      }
    } finally {
      this.#isBusy = false;
    }
  }

  #act(): void {
    for (let [action] = decide(this.#state); action !== undefined; [action] = decide(this.#state)) {
      this.#take({ type: "performed", action });
      this.#options.perform(action);
    }
  }

  #take(event: CoordinationEvent): void {
    const before = this.#state;
    this.#state = reduce(before, event);
    for (const happening of historyBetween(before, this.#state)) {
      this.#options.onHappening(happening);
    }
  }
}
