import type { AgentOrders } from "./agent-orders.ts";
import type { Action } from "./coordination/state.ts";
import type { Message } from "./message.ts";
import type { Reception } from "./reception.ts";
import type { Replanning } from "./replanning.ts";
import type { WireError } from "./wire-error.ts";

export interface PerformerOptions {
  readonly source: string;
  readonly reception: Reception;
  readonly orders: AgentOrders;
  readonly replanning: Replanning;
  /** Before a generation is deployed. */
  readonly save: (generation: number) => void;
  readonly shutDown: (failure: WireError | null) => void;
}

/** Does what coordination has decided. */
export class Performer {
  readonly #options: PerformerOptions;

  constructor(options: PerformerOptions) {
    this.#options = options;
  }

  perform(action: Action): void {
    const { source, reception, orders, replanning, save, shutDown } = this.#options;
    switch (action.type) {
      case "plan":
        void replanning.plan(action.world);
        break;
      case "offer":
        orders.offer(action);
        break;
      case "save":
        save(action.generation);
        break;
      case "deploy":
        orders.deploy(action);
        break;
      case "serve": {
        const { generation, replay } = action;
        this.#tell(source, { type: "serve", generation, replay });
        break;
      }
      case "suspend":
        this.#tell(source, { type: "suspend", error: action.error });
        break;
      case "retire":
        this.#tell(action.device, { type: "retire", generation: action.generation });
        break;
      case "dismiss":
        reception.drop(action.device);
        break;
      case "computeFallbacks":
        replanning.foresee(action);
        break;
      case "shutDown":
        shutDown(action.failure);
    }
  }

  #tell(device: string, message: Message): void {
    void this.#options.reception.link(device)?.tell(message);
  }
}
