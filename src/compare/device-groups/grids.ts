import type { ZooName } from "../../zoo/zoo.ts";

/** What is measured: full, or for a look. */
export interface Grid {
  /** All on all numbers of devices at all rates. */
  readonly networks: readonly ZooName[];
  readonly devices: readonly number[];
  /** Of every link, in Mbit/s. */
  readonly rates: readonly number[];
  /** Of speeds, a cell. */
  readonly draws: number;
  /** For `pso`, `exact` and guests, a problem. */
  readonly limitSeconds: number;
  /** Numbers of equal devices, for the curve. */
  readonly equalDevices: readonly number[];
  readonly scaled: readonly ZooName[];
}

/** Of the machine that was measured. */
export const speeds: readonly number[] = [1 / 64, 1 / 32, 1 / 16, 1 / 8];
/** Of each of the equal devices, and their links in Mbit/s. */
export const equalSpeed: number = 1 / 32;
export const scalingRates = [10, 100] as const;
/** Unequal devices that are handled as if they were equal. */
export const unequalDevices = 16;

export const fullGrid: Grid = {
  networks: ["alexnet", "vgg16", "resnet18"],
  devices: [3, 4, 5, 6, 7, 8],
  rates: [20, 100, 500],
  draws: 10,
  limitSeconds: 20,
  equalDevices: [1, 2, 4, 6, 8, 12, 16],
  scaled: ["bert", "vit-tiny"],
};

export const quickGrid: Grid = {
  networks: ["resnet18"],
  devices: [3, 5],
  rates: [20, 500],
  draws: 3,
  limitSeconds: 10,
  equalDevices: [1, 4, 16],
  scaled: ["vit-tiny"],
};
