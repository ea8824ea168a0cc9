import { planners } from "../../plan/planners.ts";
import { createProblem } from "../../plan/problem.ts";
import type { ZooName } from "../../zoo/zoo.ts";
import { answerOf } from "../answer.ts";
import { pairTopology } from "../device-pair.ts";
import { median } from "../statistics.ts";
import type { StudyHost } from "../study.ts";
import { setting } from "./case.ts";

/** What a planner takes from a problem to a checked plan, on one network. */
export interface PlanningTime {
  readonly planner: string;
  readonly network: ZooName;
  readonly seconds: number;
  /** Its latency ÷ that of the exact optimum, − 1; `null`: it refused. */
  readonly regret: number | null;
}

const compared = ["neurosurgeon", "dads", "cic", "exact"];
const bandwidthBitsPerSecond = 2e7;
const repeats = 5;

/** Times planners of the catalogue that decide between two devices, and the caller's own, on fused graphs. */
export function timePlanners(networks: readonly ZooName[], host: StudyHost): PlanningTime[] {
  const known = compared.flatMap((name) => planners[name] ?? []);
  return networks.flatMap((network) => {
    const topology = pairTopology({ ...setting, bandwidthBitsPerSecond });
    const problem = createProblem(host.profileOf(network), topology, { type: "latency" });
    const answers = [...known, ...host.guests].map((planner) => {
      const runs = Array.from({ length: repeats + 1 }, () =>
        answerOf(planner, problem, { clock: host.clock, solver: host.solver, limitSeconds: 2 }),
      );
      // The first is the warm-up.
      const seconds = median(runs.slice(1).map(({ decisionSeconds }) => decisionSeconds));
      return { planner: planner.name, value: runs[0]?.value ?? null, seconds };
    });
    const exact = answers.find(({ planner }) => planner === "exact")?.value ?? Number.NaN;
    return answers.map(({ planner, value, seconds }) => ({
      planner,
      network,
      seconds,
      regret: value === null ? null : value / exact - 1,
    }));
  });
}
