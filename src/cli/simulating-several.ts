/**
 * Several plans on the same devices in virtual time: `partita simulate TOPOLOGY A B --rate A=5/s`.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { createRandom } from "../base/random.ts";
import type { Topology } from "../cost/topology.ts";
import { checkSeveral } from "../plan/several/check-several.ts";
import type { PlacedModel } from "../plan/several/remaining.ts";
import { planOn } from "../plan/several/standing-plan.ts";
import type { Together } from "../plan/several/together.ts";
import type { ModelDemand } from "../plan/several.ts";
import { type SeveralOptions, simulateSeveral } from "../sim/several.ts";
import { type Call, usage } from "./command.ts";
import { type ModelReference, readModels, readNamed } from "./models.ts";
import { loadPlan } from "./planning.ts";
import { formatSeveralSimulation, severalSimulationDocument } from "./print/several-simulation.ts";
import type { Terminal } from "./terminal.ts";
import { type DemandChoices, placeModels, readDemands } from "./together.ts";

type Choices = DemandChoices & {
  readonly plan: readonly string[];
  readonly requests: number | undefined;
  readonly warmUp: number | undefined;
  readonly [option: string]: unknown;
};

const defaultRequests = 10_000;

/** Options of `partita simulate` that know one plan only. */
const forOnePlan = ["arrivals", "trace", "adapt", "loss", "svg", "window"] as const;

/**
 * Places the models, or takes the plans that are given, and simulates them together. Returns the exit
 * code.
 *
 * @param mostRequests that fit into memory
 * @throws USAGE_INVALID, PLAN_INFEASIBLE, PLAN_INVALID, and what obtaining profiles throws
 */
export async function simulateTogether(
  topology: Topology,
  call: Pick<Call<Choices>, "arguments" | "options" | "terminal" | "signal">,
  mostRequests: number,
): Promise<number> {
  const { options, terminal } = call;
  refuseOptionsOfOne(options);
  const references = readModels(call.arguments.slice(1));
  const demands = await readDemands(references, call);
  const { requests = defaultRequests, seed = 1 } = options;
  const warmUp = options.warmUp ?? Math.floor(requests / 10);
  if (requests > mostRequests) {
    throw usage(`--requests ${requests} is more than the ${mostRequests} that fit into memory`);
  }
  if (warmUp >= requests) {
    throw usage(`--warm-up ${warmUp} leaves nothing of ${requests} requests to measure`);
  }
  const { models, together } = await obtainPlans(topology, references, demands, options, terminal);
  const asked = lengthOf(demands, requests, warmUp);
  const simulated = models.map((model, position) => ({
    ...planOn(model, topology, topology),
    arrivals: {
      type: "poisson" as const,
      perSecond: model.requestsPerSecond,
      random: createRandom(seed + position),
    },
  }));
  const simulation = terminal.blocking(() => simulateSeveral(simulated, asked));
  const report = { together, topology, simulation, seed, ...asked };
  if (terminal.json) terminal.document(severalSimulationDocument(report));
  else terminal.line(formatSeveralSimulation(report, terminal));
  return 0;
}

/** So long that so many requests come on average. */
function lengthOf(
  demands: readonly ModelDemand[],
  requests: number,
  warmUp: number,
): SeveralOptions {
  const perSecond = demands.reduce((sum, demand) => sum + demand.requestsPerSecond, 0);
  return { seconds: requests / perSecond, warmUpSeconds: warmUp / perSecond };
}

async function obtainPlans(
  topology: Topology,
  references: readonly ModelReference[],
  demands: readonly ModelDemand[],
  options: Choices,
  terminal: Terminal,
): Promise<{ readonly models: readonly PlacedModel[]; readonly together: Together }> {
  const given = readNamed("--plan", options.plan, references);
  if (given.size === 0) {
    const answer = await placeModels(topology, demands, options, terminal);
    if (answer.type === "placed") return answer;
    const message = `not all models find a place: ${answer.reason}`;
    throw new CodedError("PLAN_INFEASIBLE", message, { witness: answer.witness });
  }
  const models: PlacedModel[] = [];
  for (const demand of demands) {
    const file = given.get(demand.name);
    if (file === undefined) {
      throw usage(
        `--plan ${demand.name}=FILE is missing: give the plans of all models, or of none`,
      );
    }
    models.push({ ...demand, plan: await loadPlan(file, terminal) });
  }
  return { models, together: checkSeveral(topology, models) };
}

function refuseOptionsOfOne(options: Choices): void {
  const stray = forOnePlan.find((option) => {
    const given = options[option];
    return given !== undefined && given !== false && !(Array.isArray(given) && given.length === 0);
  });
  if (stray === undefined) return;
  throw usage(
    `--${stray} is about one model; several are asked at their --rate, independent of one another, in a world that does not change: leave it out`,
  );
}
