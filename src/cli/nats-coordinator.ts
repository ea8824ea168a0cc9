/**
 * One of several coordinators of a cluster on NATS.
 *
 * @module
 */
import { PartCutter } from "../cluster/parts.ts";
import type { Deployable } from "./deploy.ts";
import { type Led, type Turn, type TurnOptions, takeTurns } from "./nats-turns.ts";
import { type Ground, type Service, type ServiceOptions, startService } from "./service.ts";

export interface LeadOptions
  extends ServiceOptions,
    Pick<TurnOptions, "nats" | "forget" | "onStandby" | "onDeposed" | "signal"> {
  /** Called when this one leads and can be dialled. */
  readonly onLeading: (service: Service, term: number) => void;
}

/**
 * Leads whenever it is its turn, until the signal aborts.
 *
 * @throws as `takeTurns`; USAGE_INVALID if the journal is of another model; PORT_IN_USE, PLAN_INVALID
 */
export async function leadInTurn(ground: Ground, options: LeadOptions): Promise<void> {
  const { prepared, plan, named } = options.deployable;
  // Large weights take seconds to hash: whoever takes over has done so before.
  const cutter = cutInAdvance(prepared, plan);
  await takeTurns(ground, {
    ...options,
    command: "coordinator",
    model: named.name,
    start: (turn) => start(ground, turn, cutter, options),
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

async function start(
  ground: Ground,
  turn: Turn,
  cutter: PartCutter,
  options: LeadOptions,
): Promise<Led> {
  const { depot, journal, leadership } = turn;
  const endings: Ground["endings"] = [];
  const parts = { depot, cutter };
  const service = await startService({ ...ground, journal, endings }, { ...options, parts });
  const { coordinator, abandon } = service;
  options.onLeading(service, leadership.term);
  return {
    address: coordinator.address,
    ready: () => coordinator.ready(),
    ended: coordinator.ended,
    // What cannot run here ends it.
    failed: new Promise(() => undefined),
    forget: (device) => coordinator.forget(device),
    // It takes no requests itself.
    drain: async () => undefined,
    abandon,
    end: async () => {
      for (const ending of endings.splice(0).reverse()) await ending();
    },
  };
}
