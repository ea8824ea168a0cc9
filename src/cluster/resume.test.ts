import fc from "fast-check";
import { expect, test } from "vitest";
import { randomPlan } from "../../test/fixtures/random-plan.ts";
import { createRandom, type Random } from "../base/random.ts";
import { createDeployment, type Deployment } from "./deployment.ts";
import { type ResumePlan, resumePlan } from "./resume.ts";

type Kept = ReadonlyMap<string, ReadonlySet<string>>;

/** A deployment of up to six nodes on three devices and a relay, and something kept of a request. */
const situations = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 30 }), fc.integer({ min: 0, max: 4 }))
  .map(([seed, quarters]) => {
    const { problem, plan } = randomPlan(seed);
    const deployment = createDeployment(plan, problem.index.graph, problem.topology, 2);
    return { deployment, kept: randomlyKept(deployment, createRandom(seed), quarters / 4) };
  });

function randomlyKept({ devices }: Deployment, random: Random, share: number): Kept {
  return new Map(
    devices.map(({ device, stages, receives }) => {
      const tensors = [
        ...receives.map(({ tensor }) => tensor),
        ...stages.flatMap(({ outputs }) => outputs),
      ];
      return [device, new Set(tensors.filter(() => random.next() < share))];
    }),
  );
}

/** One of the things that a plan says are to be done, by tensors as `device tensor`. */
interface Step {
  readonly name: string;
  readonly needs: readonly string[];
  readonly makes: readonly string[];
  readonly answer: string | null;
}

function stepsOf({ source, devices }: Deployment, plan: ResumePlan): Step[] {
  const answer = null;
  const entering = plan.entering.map((tensor) => {
    return { name: `enter ${tensor}`, needs: [], makes: [`${source} ${tensor}`], answer };
  });
  const others = [...plan.devices].flatMap(([device, { stages, forwards, answers }]) => {
    const here = (tensor: string) => `${device} ${tensor}`;
    const deployed = devices.find((other) => other.device === device)?.stages ?? [];
    const runs = deployed.filter(({ id }) => stages.includes(id));
    return [
      ...runs.map(({ id, inputs, outputs }) => {
        return { name: `run ${id}`, needs: inputs.map(here), makes: outputs.map(here), answer };
      }),
      ...forwards.map(({ tensor, to }) => {
        const name = `forward ${here(tensor)} ${to}`;
        return { name, needs: [here(tensor)], makes: [`${to} ${tensor}`], answer };
      }),
      ...answers.map((tensor) => {
        return { name: `answer ${tensor}`, needs: [here(tensor)], makes: [], answer: tensor };
      }),
    ];
  });
  return [...entering, ...others];
}

/** Does only these steps, each as soon as it can be done. */
function follow(steps: readonly Step[], kept: Kept): string[] {
  const present = new Set(
    [...kept].flatMap(([device, tensors]) => [...tensors].map((tensor) => `${device} ${tensor}`)),
  );
  const answered: string[] = [];
  let open = steps;
  for (let before = -1; before !== open.length; ) {
    before = open.length;
    const ready = open.filter(({ needs }) => needs.every((tensor) => present.has(tensor)));
    open = open.filter((step) => !ready.includes(step));
    for (const { makes, answer } of ready) {
      for (const tensor of makes) present.add(tensor);
      if (answer !== null) answered.push(answer);
    }
  }
  return answered;
}

test("what is left to do, done from what is kept, gives every answer once", () => {
  fc.assert(
    fc.property(situations, ({ deployment, kept }) => {
      const steps = stepsOf(deployment, resumePlan(deployment, kept));
      const answered = follow(steps, kept);
      expect(answered.toSorted()).toEqual([...deployment.outputs].toSorted());
    }),
    { numRuns: 300 },
  );
});

test("nothing of what is left to do can be left out", () => {
  fc.assert(
    fc.property(situations, ({ deployment, kept }) => {
      const steps = stepsOf(deployment, resumePlan(deployment, kept));
      for (const dropped of steps) {
        const rest = steps.filter((step) => step !== dropped);
        expect(follow(rest, kept).length).toBeLessThan(deployment.outputs.length);
      }
    }),
    { numRuns: 150 },
  );
});

test("with nothing kept everything that leads to an answer is to be done", () => {
  fc.assert(
    fc.property(situations, ({ deployment }) => {
      const steps = stepsOf(deployment, resumePlan(deployment, new Map()));
      const named = steps.map(({ name }) => name);
      const all = [
        ...deployment.entering.map((tensor) => `enter ${tensor}`),
        ...deployment.devices.flatMap(({ device, stages, forwards, answers }) => [
          ...stages.map(({ id }) => `run ${id}`),
          ...forwards.map(({ tensor, to }) => `forward ${device} ${tensor} ${to}`),
          ...answers.map((tensor) => `answer ${tensor}`),
        ]),
      ];
      // A graph may have nodes that no output depends on: their stages run for nothing, but once.
      expect(all).toEqual(expect.arrayContaining(named));
      expect(new Set(named).size).toBe(named.length);
      expect(follow(steps, new Map()).length).toBe(deployment.outputs.length);
    }),
    { numRuns: 150 },
  );
});

test("with every answer kept where it is given, only answering is left", () => {
  fc.assert(
    fc.property(situations, ({ deployment }) => {
      const kept = new Map(
        deployment.devices.map(({ device, answers }) => [device, new Set(answers)]),
      );
      const plan = resumePlan(deployment, kept);
      expect(stepsOf(deployment, plan).every(({ answer }) => answer !== null)).toBe(true);
    }),
    { numRuns: 100 },
  );
});
