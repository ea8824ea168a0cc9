import { modelProfile } from "../cost/roofline.ts";
import { drawGraph } from "../zoo/graph.ts";
import { type ZooName, zooNames } from "../zoo/zoo.ts";
import { type CaseResult, type DecisionCase, measureCase } from "./decision-times/case.ts";
import { timePlanners } from "./decision-times/planning.ts";
import { reportTimes } from "./decision-times/report.ts";
import { inputWidths } from "./device-pair.ts";
import type { Study, StudyHost } from "./study.ts";

const quickNetworks: readonly ZooName[] = ["alexnet", "googlenet", "mobilenetv2", "resnet50"];

/** How long a decision takes on the full graph, on the compressed one, and from an envelope. */
export const decisionTimes: Study = {
  name: "decision-times",
  title: "How fast a decision is",
  *run(host) {
    const networks = host.quick ? quickNetworks : zooNames;
    const cases = networks.flatMap((network) =>
      (["as drawn", "fused"] as const).flatMap((form) =>
        inputWidths
          .filter((width) => width !== "jpeg")
          .map((input): DecisionCase => ({ network, form, input })),
      ),
    );
    const [first] = cases;
    // Once for nothing, so that all cases find the same compiled code.
    if (first !== undefined) measureCase(first, { host, ...optionsFor(first, host) });
    const results: CaseResult[] = [];
    for (const [position, one] of cases.entries()) {
      const found = measureCase(one, { host, ...optionsFor(one, host) });
      if (found !== null) results.push(found);
      const share = (position + 1) / (cases.length + 1);
      yield { share, label: `${one.network}, ${one.form}, ${one.input}` };
    }
    const planning = timePlanners(networks, host);
    yield { share: 1, label: "whole planners" };
    return reportTimes(decisionTimes, results, planning);
  },
};

function optionsFor({ network, form }: DecisionCase, host: StudyHost) {
  const steps = host.quick
    ? [5, 6, 7, 8, 9]
    : Array.from({ length: 13 }, (_, step) => 5 + step / 3);
  return {
    profile: form === "fused" ? host.profileOf(network) : modelProfile(drawGraph(network)),
    bandwidths: steps.map((power) => 10 ** power),
    timing: host.quick
      ? { repeats: 5, sampleSeconds: 0.0001 }
      : { repeats: 7, sampleSeconds: 0.0003 },
  };
}
