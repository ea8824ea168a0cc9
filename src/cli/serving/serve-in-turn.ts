/**
 * A server that is one of several of a cluster on NATS: it can be asked while it leads.
 *
 * @module
 */
import { type CodedError, type ErrorCode, isCoded } from "../../base/errors.ts";
import type { Leader } from "../../nats/leader-record.ts";
import type { Plan } from "../../plan/plan.ts";
import { cutInAdvance, forgetOnce, keptOnNats } from "../nats-coordinator.ts";
import { type Led, type Turn, type TurnOptions, takeTurns } from "../nats-turns.ts";
import type { Ground } from "../service.ts";
import type { ServedSource } from "./served-source.ts";
import type { Serving } from "./start-serving.ts";

export interface ServingTurns
  extends Pick<TurnOptions, "nats" | "onStandby" | "onDeposed" | "signal"> {
  readonly source: ServedSource;
  readonly plan: Plan;
  /** Devices whose keys are not to be known any more. */
  readonly forget: readonly string[];
  /** Takes no new requests, and resolves when what was asked is answered. */
  readonly drain: () => Promise<void>;
  /** Called when this one leads and can be dialled. */
  readonly onLeading: (address: string, term: number) => void;
  /** Told why a model could not be loaded. */
  readonly onFailed: (model: string, error: unknown) => void;
}

/** What says that nothing can be led with the state that is shared; anything else is about a model. */
const isAboutState: ReadonlySet<ErrorCode> = new Set([
  "ENGINE_FULL",
  "ENGINE_UNAVAILABLE",
  "LEADERSHIP_LOST",
  "USAGE_INVALID",
]);

/**
 * Serves whenever it is its turn to lead, until the signal aborts. Meanwhile its models say who leads.
 *
 * @throws as `takeTurns`; USAGE_INVALID if the journal is of another model; PORT_IN_USE
 */
export async function serveInTurn(
  ground: Ground,
  serving: Serving,
  turns: ServingTurns,
): Promise<void> {
  const { source, plan, onStandby, onDeposed } = turns;
  // Large weights take seconds to hash: whoever takes over has done so before.
  const cutter = cutInAdvance(source.prepared, plan);
  const forget = [...turns.forget];
  await takeTurns(ground, {
    ...turns,
    command: "serve",
    model: source.name,
    start: (turn) => lead(turn, serving, cutter, { ...turns, forget }),
    onStandby: (leader) => {
      void serving.models.abandon(`this server stands by: ${whereIs(leader)} leads`);
      onStandby(leader);
    },
    onDeposed: (why) => {
      void serving.models.abandon(why.message);
      onDeposed(why);
    },
  });
}

function whereIs({ addresses }: Leader): string {
  return addresses.join(", ");
}

async function lead(
  turn: Turn,
  { begin }: Serving,
  cutter: ReturnType<typeof cutInAdvance>,
  {
    nats,
    source: { name },
    plan,
    forget,
    drain,
    onLeading,
    onFailed,
  }: ServingTurns & { readonly forget: string[] },
): Promise<Led> {
  const { depot, journal } = keptOnNats(nats, turn, name);
  await forgetOnce(journal, forget);
  let end: (why: CodedError) => void = () => undefined;
  const ended = new Promise<CodedError>((resolve) => {
    end = resolve;
  });
  const begun = await begin({
    places: new Map([[name, plan]]),
    onFailed: (model, error) => {
      if (isCoded(error) && isAboutState.has(error.code)) end(error);
      else onFailed(model, error);
    },
    keeping: { journalOf: () => journal, sharedOf: () => ({ depot, cutter }) },
  });
  onLeading(begun.address, turn.leadership.term);
  return {
    address: begun.address,
    ready: () => begun.loaded,
    ended,
    drain,
    abandon: () => begun.abandon("this server leads no more"),
    end: () => begun.close(),
  };
}
