/**
 * A server that is one of several of a cluster on NATS: it can be asked while it leads.
 *
 * @module
 */
import type { CodedError, ErrorCode } from "../../base/errors.ts";
import { coded } from "../../cluster/protocol.ts";
import type { Leader } from "../../nats/leader-record.ts";
import type { Plan } from "../../plan/plan.ts";
import { cutInAdvance } from "../nats-coordinator.ts";
import { type Led, type Turn, type TurnOptions, takeTurns } from "../nats-turns.ts";
import type { Ground } from "../service.ts";
import type { ServedSource } from "./served-source.ts";
import type { Serving } from "./start-serving.ts";

export interface ServingTurns
  extends Pick<TurnOptions, "nats" | "forget" | "onStandby" | "onDeposed" | "signal"> {
  readonly source: ServedSource;
  readonly plan: Plan;
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
  await takeTurns(ground, {
    ...turns,
    command: "serve",
    model: source.name,
    start: (turn) => lead(turn, serving, cutter, turns),
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
  { source: { name }, plan, drain, onLeading, onFailed }: ServingTurns,
): Promise<Led> {
  const { depot, journal, leadership } = turn;
  const [ended, failed] = [verdict(), verdict()];
  const begun = await begin({
    places: new Map([[name, plan]]),
    onFailed: (model, error) => {
      const why = coded(error);
      if (isAboutState.has(why.code)) {
        ended.resolve(why);
        return;
      }
      onFailed(model, error);
      failed.resolve(why);
    },
    keeping: { journalOf: () => journal, sharedOf: () => ({ depot, cutter }) },
  });
  onLeading(begun.address, leadership.term);
  return {
    address: begun.address,
    ready: () => begun.loaded,
    ended: ended.promise,
    failed: failed.promise,
    forget: (device) => begun.forget(device),
    drain,
    abandon: () => begun.abandon("this server leads no more"),
    end: () => begun.close(),
  };
}

/** Why something is over, to be told. */
interface Verdict {
  readonly promise: Promise<CodedError>;
  resolve(why: CodedError): void;
}

function verdict(): Verdict {
  let resolve = (_: CodedError): void => undefined;
  const promise = new Promise<CodedError>((taken) => {
    resolve = taken;
  });
  return { promise, resolve };
}
