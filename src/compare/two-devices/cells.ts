import type { Planner } from "../../plan/planner.ts";
import { planners } from "../../plan/planners.ts";
import { createProblem, type Problem } from "../../plan/problem.ts";
import { type ZooName, zooNames } from "../../zoo/zoo.ts";
import { type Answer, answerOf } from "../answer.ts";
import {
  type InputWidth,
  inputBytesFor,
  inputWidths,
  jpegRatio,
  pairTopology,
} from "../device-pair.ts";
import type { StudyHost, StudyProgress } from "../study.ts";

/** Of the machine that was measured: a Raspberry Pi 4 class beside a server core. */
export const deviceSpeed = 0.05;

export const objectiveNames = ["latency", "throughput"] as const;
export type ObjectiveName = (typeof objectiveNames)[number];

export interface Grid {
  readonly networks: readonly ZooName[];
  readonly serverFactors: readonly number[];
  readonly bandwidths: readonly number[];
  readonly inputs: readonly InputWidth[];
  /** For planners that search, where they prove nothing sooner. */
  readonly limitSeconds: number;
}

/** One problem and everybody's answer. */
export interface PairCell {
  readonly network: ZooName;
  readonly input: InputWidth;
  /** Times the device's speed. */
  readonly serverFactor: number;
  readonly bandwidthBitsPerSecond: number;
  readonly objective: ObjectiveName;
  /** Everything on one side; seconds, of a request or between answers. */
  readonly deviceOnly: number;
  readonly serverOnly: number;
  /** The less of the two. */
  readonly bestSingle: number;
  /** By planner; one that gave none is left out. */
  readonly values: Readonly<Record<string, number>>;
  /** The best proven by anyone. */
  readonly bound: number;
  /** Why, by planner. */
  readonly refused: Readonly<Record<string, string>>;
}

/** 0.1 to 1000 Mbit/s, thirteen steps of a factor of 2.15. */
const thirteen = Array.from({ length: 13 }, (_, step) => 1e5 * 10 ** (step / 3));

export const fullGrid: Grid = {
  networks: zooNames,
  serverFactors: [3, 10, 100],
  bandwidths: thirteen,
  inputs: inputWidths,
  limitSeconds: 1,
};

export const quickGrid: Grid = {
  networks: ["alexnet", "mobilenetv2", "resnet18"],
  serverFactors: [10],
  bandwidths: [1e5, 1e6, 1e7, 1e8, 1e9],
  inputs: ["float32", "jpeg"],
  limitSeconds: 0.3,
};

/** Those that the study is about, as far as the catalogue has them, and the guests. */
export function comparedPlanners(guests: readonly Planner[]): readonly Planner[] {
  const named = ["single", "neurosurgeon", "dads", "cic", "exact", "auto"].flatMap((name) =>
    Object.hasOwn(planners, name) ? [planners[name] as Planner] : [],
  );
  return [...named, ...guests.filter(({ name }) => !named.some((own) => own.name === name))];
}

type Setting = Pick<
  PairCell,
  "network" | "input" | "serverFactor" | "bandwidthBitsPerSecond" | "objective"
>;

/** Asks all planners all problems of a grid. */
export function* measurePairs(
  grid: Grid,
  compared: readonly Planner[],
  host: StudyHost,
): Generator<StudyProgress, PairCell[]> {
  const cells: PairCell[] = [];
  const settings = settingsOf(grid);
  for (const [position, setting] of settings.entries()) {
    const problem = problemOf(setting, host);
    if (problem === null) continue;
    const answers: Answer[] = [];
    for (const planner of compared) {
      answers.push(ask(planner, problem, host, grid));
      yield { share: position / settings.length, label: describePair(setting) };
    }
    cells.push({ ...setting, ...summarise(answers) });
  }
  return cells;
}

function settingsOf({ networks, serverFactors, bandwidths, inputs }: Grid): Setting[] {
  return networks.flatMap((network) =>
    serverFactors.flatMap((serverFactor) =>
      bandwidths.flatMap((bandwidthBitsPerSecond) =>
        inputs.flatMap((input) =>
          objectiveNames.map((objective) => ({
            network,
            input,
            serverFactor,
            bandwidthBitsPerSecond,
            objective,
          })),
        ),
      ),
    ),
  );
}

/** `null` if the network has no input of that kind. */
function problemOf(setting: Setting, { profileOf }: StudyHost): Problem | null {
  const { network, input, serverFactor, bandwidthBitsPerSecond, objective } = setting;
  const profile = profileOf(network);
  const inputBytes = inputBytesFor(profile.graph, input);
  if (inputBytes === null) return null;
  const pair = { deviceSpeed, serverFactor, bandwidthBitsPerSecond, inputBytes };
  return createProblem(profile, pairTopology(pair), { type: objective });
}

function ask(planner: Planner, problem: Problem, host: StudyHost, grid: Grid): Answer {
  const { clock, solver } = host;
  return answerOf(planner, problem, { clock, solver, limitSeconds: grid.limitSeconds });
}

type Findings = Pick<
  PairCell,
  "deviceOnly" | "serverOnly" | "bestSingle" | "values" | "bound" | "refused"
>;

function summarise(answers: readonly Answer[]): Findings {
  const whole = answers.find(({ plan }) => plan !== null)?.plan?.alternatives ?? {};
  const deviceOnly = round(whole["device"] ?? Number.NaN);
  const serverOnly = round(whole["server"] ?? Number.NaN);
  return {
    deviceOnly,
    serverOnly,
    bestSingle: Math.min(deviceOnly, serverOnly),
    values: Object.fromEntries(
      answers.flatMap(({ planner, value }) => (value === null ? [] : [[planner, round(value)]])),
    ),
    bound: round(Math.max(0, ...answers.flatMap(({ bound }) => bound ?? []))),
    refused: Object.fromEntries(
      answers.flatMap(({ planner, reason }) =>
        reason === undefined
          ? []
          : [[planner, reason.replace(`planner '${planner}' cannot: `, "")]],
      ),
    ),
  };
}

/** More digits than node seconds are measured to; fewer make differences between runs readable. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}

/** A bandwidth, a server and an input in words. */
export function describePair({
  network,
  serverFactor,
  bandwidthBitsPerSecond,
  input,
}: Setting): string {
  const rate = `${Number((bandwidthBitsPerSecond / 1e6).toPrecision(3))} Mbit/s`;
  return `${network}, ${rate}, server ${serverFactor}x, ${input} input`;
}

/** How inputs are sent, in a sentence. */
export const inputsInWords: string = `A picture leaves the device as float32 (as the graph reads it), as uint8 (a quarter), or as JPEG (a ${jpegRatio}th of uint8, assumed); inner tensors are float32 throughout; BERT reads no picture.`;
