import { CodedError, messageOf } from "../base/errors.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import { type Listener, openingLimits } from "../transport/transport.ts";
import type { Join } from "./control-message.ts";
import { type CoordinationState, startCoordination } from "./coordination/state.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import { type Journal, type JournalStore, loadJournal, tokenMarkOf, unusable } from "./journal.ts";
import { recoveredState } from "./journal-keeper.ts";
import { PartCutter } from "./parts.ts";
import { type BookedPlan, PlanBook } from "./plan-book.ts";
import { joiningDevices } from "./reduced-topology.ts";

/** What a coordinator has before anybody can dial it. */
export interface Foundation {
  readonly listener: Listener;
  readonly cutter: PartCutter;
  readonly book: PlanBook;
  /** What is to run first. */
  readonly first: BookedPlan;
  /** Of an earlier run; `null`: there was none. */
  readonly journal: Journal | null;
}

/** @throws PLAN_INVALID, PORT_IN_USE; USAGE_INVALID if the journal is of another cluster or damaged */
export async function layFoundation(options: CoordinatorOptions): Promise<Foundation> {
  const { plan, graph, topology, model, types, transport } = options;
  const hash = graphSha256(graph);
  if (plan.graphSha256 !== hash) {
    throw new CodedError(
      "PLAN_INVALID",
      `the plan is of another graph (SHA-256 ${plan.graphSha256}) than '${graph.name}' (${hash}); plan again`,
    );
  }
  const cutter = options.cutter ?? new PartCutter(model, types, graph);
  const book = new PlanBook(graph, topology, cutter);
  const first = book.add(plan);
  const expected = { graphSha256: hash, tokenMark: tokenMarkOf(options) };
  const store = options.journal;
  const journal = store === undefined ? null : await loadJournal(store, expected);
  if (store !== undefined && journal?.started === true) rebook(store, journal, book);
  const listener = await transport.listen(options.listen, openingLimits);
  return { listener, cutter, book, first, journal };
}

/** @throws USAGE_INVALID if a plan in the journal needs what this topology does not have */
function rebook(store: JournalStore, { generations }: Journal, book: PlanBook): void {
  try {
    for (const { plan } of generations) book.add(plan);
  } catch (error) {
    throw unusable(store, `is of another topology (${messageOf(error)})`, error);
  }
}

/** Where a coordinator begins, or goes on. */
export function firstState(
  { topology, missedHeartbeats = 10, heartbeatSeconds = 0.5, joinSeconds }: CoordinatorOptions,
  { first, journal, book }: Foundation,
): CoordinationState {
  const fresh = startCoordination({
    devices: joiningDevices(topology),
    source: topology.source,
    sink: topology.sink,
    first: { plan: first.number, shape: first.shape, cause: "the first plan" },
    limits: { silentTicks: missedHeartbeats, heartbeatSeconds, joinSeconds: joinSeconds ?? 30 },
  });
  return journal === null ? fresh : recoveredState(fresh, journal, book);
}

/** Why an agent may not join; `null`: it may. */
export function refusalOf(
  { name, runtime }: Join,
  { topology, runtime: reference, mixed }: CoordinatorOptions,
): CodedError | null {
  const names = joiningDevices(topology);
  if (!names.includes(name)) {
    const message = `agent '${name}' is no device of this topology (devices: ${names.join(", ")}); start it with --name NAME`;
    return new CodedError("USAGE_INVALID", message, { name });
  }
  if (mixed === true || runtime === reference) return null;
  return new CodedError(
    "PART_REFUSED",
    `agent '${name}' has ${runtime}, the plan was made for ${reference}: answers could differ in bits; install that version, or allow it with --mixed`,
    { name, runtime, reference },
  );
}
