import type { ZooName } from "../../zoo/zoo.ts";

/** What is measured: full, or for a look. */
export interface Grid {
  readonly topologies: {
    readonly placement: number;
    readonly links: number;
    readonly compute: number;
  };
  /** Of the published parts. */
  readonly placementDevices: readonly number[];
  readonly devices: readonly number[];
  readonly caps: readonly number[];
  /** Networks of the published experiments, below `bench/data/kpath`. */
  readonly chains: readonly string[];
  /** With the memory that each needs to be cut at all, and not too often. */
  readonly zoo: readonly (readonly [ZooName, readonly number[]])[];
  /** For `exact`, a problem. */
  readonly limitSeconds: { readonly links: number; readonly compute: number };
}

/** All whose distance from the optimum is published. */
export const publishedModels = [
  "MobileNetV2",
  "EfficientNetB1",
  "ResNet50",
  "DenseNet121",
  "DenseNet169",
  "DenseNet201",
  "InceptionResNetV2",
  "Xception",
  "VGG16",
  "VGG19",
] as const;

export const fullGrid: Grid = {
  topologies: { placement: 50, links: 10, compute: 5 },
  placementDevices: [5, 10, 15, 20, 50],
  devices: [5, 10, 20, 50],
  caps: [64, 128, 256, 512],
  chains: [
    "MobileNetV2",
    "EfficientNetB1",
    "ResNet50",
    "DenseNet201",
    "InceptionResNetV2",
    "Xception",
    "VGG16",
  ],
  zoo: [
    ["densenet121", [64]],
    ["resnet18", [64]],
    ["resnet50", [96, 128]],
    ["darknet53", [96, 128]],
    ["inceptionv4", [64, 128]],
    ["alexnet", [256]],
    ["bert", [512]],
  ],
  limitSeconds: { links: 20, compute: 4 },
};

export const quickGrid: Grid = {
  topologies: { placement: 4, links: 2, compute: 2 },
  placementDevices: [10, 50],
  devices: [10, 50],
  caps: [64, 128],
  chains: ["ResNet50", "EfficientNetB1"],
  zoo: [["resnet50", [128]]],
  limitSeconds: { links: 5, compute: 1 },
};
