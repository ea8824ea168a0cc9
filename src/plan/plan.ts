/**
 * A plan: who runs what, what that is claimed to cost, and how good that is proven to be.
 *
 * @module
 */
import { z } from "zod";
import { CodedError } from "../base/errors.ts";
import type { Bytes, Joules, Seconds } from "../base/units.ts";
import { parseDocument } from "../cost/document.ts";
import { type OptimisationLevel, optimisationLevels } from "../cost/profile.ts";
import type { Bottleneck } from "./evaluate.ts";
import type { Limits } from "./problem.ts";
import { type Reservation, reservationSchema } from "./reservation.ts";
import { type Uncertainty, uncertaintySchema } from "./uncertainty.ts";

/** How good a plan is: `optimal` only if no allowed placement is better. */
export type Guarantee = "optimal" | "optimal-in-class" | "bounded" | "heuristic";

export interface Stage {
  readonly id: string;
  readonly devices: readonly string[];
  readonly nodes: readonly string[];
  /** Compute only, at the speed of the device; of several devices that of the longest. */
  readonly seconds: Seconds;
  /**
   * What each device makes of the last node's outputs, where several run the stage together. A device
   * that stands several times runs one tile after the other.
   */
  readonly tiles?: readonly PlannedTile[];
}

/** What one member of a stage makes: its first row, and the one behind the last. */
export interface PlannedTile {
  readonly device: string;
  readonly rows: readonly [number, number];
  /** The first column and the one behind the last; left out: all. */
  readonly columns?: readonly [number, number];
}

/** How requests are joined along their first axis, so that they go through a plan as one. */
export interface PlannedBatch {
  /** Requests that go as one at most; 1: each goes alone. */
  readonly most: number;
  /** How long a request waits for company. */
  readonly waitSeconds: Seconds;
  /** What was found for each number of requests that was measured, ascending. */
  readonly tried: readonly TriedBatch[];
}

/** The best plan for so many requests as one, or why there is none. */
export type TriedBatch =
  | {
      readonly requests: number;
      /** Of all of them together, without the wait. */
      readonly latencySeconds: Seconds;
      readonly throughputPerSecond: number;
      /** Of one request, as the objective, with the wait. */
      readonly value: number;
      /** No plan for so many is better; `null`: nothing is proven. */
      readonly bound: number | null;
    }
  | { readonly requests: number; readonly reason: string };

/** One hop of one tensor. */
export interface Transfer {
  readonly tensor: string;
  readonly from: string;
  readonly to: string;
  /** On the wire: coded ones where there is a codec. */
  readonly bytes: Bytes;
  readonly seconds: Seconds;
  readonly codec?: string;
  /** The first row that travels and the one behind the last; left out: all. */
  readonly rows?: readonly [number, number];
  /** The same of columns. */
  readonly columns?: readonly [number, number];
}

export interface Claim {
  readonly latencySeconds: Seconds;
  readonly periodSeconds: Seconds;
  readonly throughputPerSecond: number;
  readonly energyJoules: Joules;
  readonly memoryBytes: Readonly<Record<string, Bytes>>;
}

/**
 * With `batch` all seconds, bytes, joules, limits, bound and gap are those of `batch.most` requests that
 * go as one; only `throughputPerSecond` counts single ones.
 */
export interface Plan {
  readonly format: "partita.plan/1";
  /** As `parseObjective` reads it. */
  readonly objective: string;
  readonly planner: string;
  readonly guarantee: Guarantee;
  /** The class of `optimal-in-class`. */
  readonly class?: string;
  readonly claimed: Claim;
  /** How the planner found it: which of its algorithms decided. */
  readonly method?: string;
  /** Whether the planner was stopped before its end, at a time limit. */
  readonly stopped?: boolean;
  /** Seconds or joules, as the objective; `null`: nothing is proven. */
  readonly bound: number | null;
  /** (value − bound) ÷ value. */
  readonly gap: number | null;
  readonly graphSha256: string;
  readonly level?: OptimisationLevel;
  readonly threads?: number;
  readonly seed: number;
  readonly limits: Limits;
  readonly placement: Readonly<Record<string, string>>;
  readonly stages: readonly Stage[];
  readonly transfers: readonly Transfer[];
  readonly bottleneck: Bottleneck;
  /** The objective with everything on that one device, where it is allowed. */
  readonly alternatives: Readonly<Record<string, number>>;
  readonly decisionSeconds: number;
  /** Left out: requests are not joined. */
  readonly batch?: PlannedBatch;
  /** How it fares where links and devices change, if it was made for that. */
  readonly uncertainty?: Uncertainty;
  /** What others took of the topology when it was made beside them: all figures are for what is left. */
  readonly reserved?: Reservation;
}

const amount = z.number().nonnegative();
const quantity = <T>(): z.ZodType<T> => amount as unknown as z.ZodType<T>;
const rows = z.tuple([z.int().nonnegative(), z.int().positive()]);

const batchSchema: z.ZodType<PlannedBatch> = z.strictObject({
  most: z.int().positive(),
  waitSeconds: quantity<Seconds>(),
  tried: z.array(
    z.union([
      z.strictObject({
        requests: z.int().positive(),
        latencySeconds: quantity<Seconds>(),
        throughputPerSecond: amount,
        value: z.number(),
        bound: z.number().nullable(),
      }),
      z.strictObject({ requests: z.int().positive(), reason: z.string() }),
    ]),
  ),
});

export const limitsSchema: z.ZodType<Limits> = z.strictObject({
  latencySeconds: amount.exactOptional(),
  periodSeconds: amount.exactOptional(),
  energyJoules: amount.exactOptional(),
  memoryBytes: amount.exactOptional(),
  keepLocal: z.union([z.string(), z.int().nonnegative()]).exactOptional(),
  tiles: z.boolean().exactOptional(),
});

export const planSchema: z.ZodType<Plan> = z.strictObject({
  format: z.literal("partita.plan/1"),
  objective: z.string(),
  planner: z.string(),
  guarantee: z.enum(["optimal", "optimal-in-class", "bounded", "heuristic"]),
  class: z.string().exactOptional(),
  claimed: z.strictObject({
    latencySeconds: quantity<Seconds>(),
    periodSeconds: quantity<Seconds>(),
    throughputPerSecond: amount,
    energyJoules: quantity<Joules>(),
    memoryBytes: z.record(z.string(), quantity<Bytes>()),
  }),
  method: z.string().exactOptional(),
  stopped: z.boolean().exactOptional(),
  bound: z.number().nullable(),
  gap: z.number().nullable(),
  graphSha256: z.string(),
  level: z.enum(optimisationLevels).exactOptional(),
  threads: z.int().positive().exactOptional(),
  seed: z.int(),
  limits: limitsSchema,
  placement: z.record(z.string(), z.string()),
  stages: z.array(
    z.strictObject({
      id: z.string(),
      devices: z.array(z.string()).min(1),
      nodes: z.array(z.string()).min(1),
      seconds: quantity<Seconds>(),
      tiles: z
        .array(z.strictObject({ device: z.string(), rows, columns: rows.exactOptional() }))
        .min(1)
        .exactOptional(),
    }),
  ),
  transfers: z.array(
    z.strictObject({
      tensor: z.string(),
      from: z.string(),
      to: z.string(),
      bytes: quantity<Bytes>(),
      seconds: quantity<Seconds>(),
      codec: z.string().exactOptional(),
      rows: rows.exactOptional(),
      columns: rows.exactOptional(),
    }),
  ),
  bottleneck: z.union([
    z.strictObject({ device: z.string() }),
    z.strictObject({ link: z.tuple([z.string(), z.string()]) }),
    z.strictObject({ medium: z.string() }),
  ]),
  alternatives: z.record(z.string(), amount),
  decisionSeconds: amount,
  batch: batchSchema.exactOptional(),
  uncertainty: uncertaintySchema.exactOptional(),
  reserved: reservationSchema.exactOptional(),
});

/**
 * Reads a plan; `check` then says whether it fits a problem.
 *
 * @param file its name, for messages
 * @throws PLAN_INVALID
 */
export function readPlan(text: string, file = "plan"): Plan {
  const plan = parseDocument(text, planSchema, file, "PLAN_INVALID");
  refuseJoinedTiles(plan);
  return plan;
}

/**
 * Rows of pictures are cut for one request.
 *
 * @throws PLAN_INVALID if requests are joined that several devices are to run in tiles
 */
export function refuseJoinedTiles({ batch, stages }: Pick<Plan, "batch" | "stages">): void {
  const tiled = stages.find(({ tiles }) => tiles !== undefined);
  if (tiled === undefined || (batch?.most ?? 1) === 1) return;
  throw new CodedError(
    "PLAN_INVALID",
    `the plan joins up to ${batch?.most} requests, and stage '${tiled.id}' is run in tiles, which are cut for one request; plan again with either --max-batch or --tiles`,
    { stage: tiled.id },
  );
}
