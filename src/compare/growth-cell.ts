import { z } from "zod";
import { planners } from "../plan/planners.ts";
import { type ZooName, zooNames } from "../zoo/zoo.ts";
import type { GrowthCell } from "./growth.ts";
import type { SimulationCell } from "./growth-simulation.ts";

const count = z.int().positive();

const cellSchema: z.ZodType<GrowthCell | SimulationCell> = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("planner"),
    study: z.enum(["nodes", "devices"]),
    network: z.enum(zooNames as readonly [ZooName]),
    nodes: count,
    shape: z.enum(["tiers", "line", "hub", "mesh"]),
    devices: count,
    objective: z.enum(["latency", "throughput"]),
    planner: z.enum(Object.keys(planners)),
    limitSeconds: z.number().positive(),
  }),
  z.strictObject({
    type: z.literal("simulator"),
    study: z.enum(["requests", "stages"]),
    requests: count,
    stages: count,
  }),
]);

/** Reads one cell, as it is written for the process that runs it; `null` if it is none. */
export function readCell(text: string): GrowthCell | SimulationCell | null {
  try {
    return cellSchema.parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
    throw error;
  }
}
