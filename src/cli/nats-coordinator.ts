/**
 * One of several coordinators of a cluster on NATS.
 *
 * @module
 */
import type { BlobDepot } from "../cluster/blob-depot.ts";
import { forgetDevice, type JournalStore } from "../cluster/journal.ts";
import { PartCutter } from "../cluster/parts.ts";
import { sharedJournal } from "../nats/kv-journal.ts";
import { partsDepot } from "../nats/parts-depot.ts";
import type { Deployable } from "./deploy.ts";
import type { NatsCluster } from "./nats-option.ts";
import { type Led, type Turn, type TurnOptions, takeTurns } from "./nats-turns.ts";
import { type Ground, type Service, type ServiceOptions, startService } from "./service.ts";

export interface LeadOptions
  extends ServiceOptions,
    Pick<TurnOptions, "nats" | "onStandby" | "onDeposed" | "signal"> {
  /** Devices whose keys are not to be known any more. */
  readonly forget: readonly string[];
  /** Called when this one leads and can be dialled. */
  readonly onLeading: (service: Service, term: number) => void;
}

type StartOptions = LeadOptions & { readonly forget: string[] };

/**
 * Leads whenever it is its turn, until the signal aborts.
 *
 * @throws as `takeTurns`; USAGE_INVALID if the journal is of another model; PORT_IN_USE, PLAN_INVALID
 */
export async function leadInTurn(ground: Ground, options: LeadOptions): Promise<void> {
  const { prepared, plan, named } = options.deployable;
  // Large weights take seconds to hash: whoever takes over has done so before.
  const cutter = cutInAdvance(prepared, plan);
  const forget = [...options.forget];
  await takeTurns(ground, {
    ...options,
    command: "coordinator",
    model: named.name,
    start: (turn) => start(ground, turn, cutter, { ...options, forget }),
  });
}

/** What cuts a model, and has cut a plan of it already. */
export function cutInAdvance(
  { model, openTypes, graph }: Deployable["prepared"],
  plan: Deployable["plan"],
): PartCutter {
  const cutter = new PartCutter(model, openTypes, graph);
  cutter.cut(plan);
  return cutter;
}

/** What coordinators of a model on NATS hand on to each other. */
export function keptOnNats(
  { engine }: NatsCluster,
  { leadership, tokenMark }: Turn,
  model: string,
): { readonly depot: BlobDepot; readonly journal: JournalStore } {
  return {
    depot: partsDepot(engine.parts),
    journal: sharedJournal({
      cell: engine.journal(model),
      term: leadership.term,
      tokenMark,
      onFenced: (why) => leadership.lose(why),
    }),
  };
}

/**
 * Forgets devices in the journal that is shared, and takes them off the list: one that this turn does
 * not come to is forgotten in the next one, and none twice.
 *
 * @throws as `forgetDevice`
 */
export async function forgetOnce(journal: JournalStore, devices: string[]): Promise<void> {
  for (let [device] = devices; device !== undefined; [device] = devices) {
    await forgetDevice(journal, device);
    devices.shift();
  }
}

async function start(
  ground: Ground,
  turn: Turn,
  cutter: PartCutter,
  options: StartOptions,
): Promise<Led> {
  const { nats, deployable, forget, onLeading } = options;
  const { depot, journal } = keptOnNats(nats, turn, deployable.named.name);
  const endings: Ground["endings"] = [];
  await forgetOnce(journal, forget);
  const parts = { depot, cutter };
  const service = await startService({ ...ground, journal, endings }, { ...options, parts });
  const { coordinator, abandon } = service;
  onLeading(service, turn.leadership.term);
  return {
    address: coordinator.address,
    ready: () => coordinator.ready(),
    ended: coordinator.ended,
    // It takes no requests itself.
    drain: async () => undefined,
    abandon,
    end: async () => {
      for (const ending of endings.splice(0).reverse()) await ending();
    },
  };
}
