import { expect, test } from "vitest";
import { changingLink, cloudAlone, withShare } from "../../../test/fixtures/changing-link.ts";
import { plainTerminal } from "../../../test/fixtures/quiet-terminal.ts";
import { type Evaluation, evaluate } from "../../plan/evaluate.ts";
import { simulateJoined } from "../../sim/joined.ts";
import { formatSimulation, type SimulationReport, simulationDocument } from "./simulation.ts";

test("where requests are joined, what is claimed is counted by single ones, too", () => {
  const problem = changingLink();
  const problemFor = (requests: number) => withShare(problem, requests / 2);
  const joining = { most: 2, waitSeconds: 0, passes: 2, rows: 4 };
  const arrivals = { type: "closed", inFlight: 6 } as const;
  const simulation = simulateJoined(problemFor, cloudAlone, { arrivals, requests: 20, joining });
  if (simulation.type === "infeasible") throw new Error(simulation.reason);
  const report: SimulationReport = {
    simulation,
    claimed: evaluate(problem, cloudAlone) as Evaluation,
    joined: { most: 2, requestsPerPass: simulation.requestsPerPass },
    arrivals: "6 in flight at all times",
    warmUp: 0,
    events: [],
  };
  // Both nodes take 0.1 s for two requests.
  expect(simulationDocument(report)).toMatchObject({
    joined: { most: 2 },
    claimed: { periodSeconds: expect.closeTo(0.1, 9), throughputPerSecond: expect.closeTo(20, 9) },
  });
  const text = formatSimulation(report, plainTerminal());
  expect(text).toMatch(/joined +up to 2 requests go as one, [12](\.\d+)? on average/);
  expect(text).toContain("% of the 20 /s that the plan claims");
});
