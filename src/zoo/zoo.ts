/**
 * The zoo: the standard networks of the field as ONNX models with seeded weights. They answer
 * nonsense, but cost and split like the trained ones.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { alexnet } from "./alexnet.ts";
import { bert } from "./bert.ts";
import { darknet53 } from "./darknet.ts";
import { densenet121 } from "./densenet.ts";
import { efficientnetb0 } from "./efficientnet.ts";
import { googlenet } from "./googlenet.ts";
import { inceptionv4 } from "./inception.ts";
import { mobilenetv2 } from "./mobilenet.ts";
import { resnet18, resnet50 } from "./resnet.ts";
import { type Drawing, draw, type Sketch, type Value, type ZooOptions } from "./sketch.ts";
import { squeezenet } from "./squeezenet.ts";
import { vgg16 } from "./vgg.ts";
import { vitTiny } from "./vit.ts";

export type ZooName =
  | "alexnet"
  | "bert"
  | "darknet53"
  | "densenet121"
  | "efficientnetb0"
  | "googlenet"
  | "inceptionv4"
  | "mobilenetv2"
  | "resnet18"
  | "resnet50"
  | "squeezenet"
  | "vgg16"
  | "vit-tiny";

/** What is published about a variant, all at batch 1, width 1 and the default resolution. */
interface Facts {
  /** The variant, and who publishes the figures. */
  readonly variant: string;
  readonly trainableParameters: number;
  /** Published, not computed. */
  readonly multiplyAdds: number;
  /** Rows and columns of the picture; for BERT tokens. */
  readonly defaultResolution: number;
}

export interface ZooNetwork extends Facts {
  /**
   * Makes the model: opset 17, unfused, without dropout, float32 weights drawn He-uniform from the seed
   * and every node named as in the variant's own code.
   *
   * @throws USAGE_INVALID if an option is out of range or the resolution too small for the network
   */
  build(options?: ZooOptions): OnnxModel;
  /** The model with what is known about it. */
  draw(options?: ZooOptions): Drawing;
}

/** By name, alphabetically. */
export const zoo: Readonly<Record<ZooName, ZooNetwork>> = {
  alexnet: network("alexnet", alexnet, {
    variant: "torchvision alexnet",
    trainableParameters: 61_100_840,
    multiplyAdds: 0.714e9,
    defaultResolution: 224,
  }),
  bert: network("bert", bert, {
    variant:
      "Hugging Face BertModel bert-base-uncased with pooler; multiply-adds at 128 tokens: half of the 22.5e9 operations in Sun et al., MobileBERT, 2020",
    trainableParameters: 109_482_240,
    multiplyAdds: 11.25e9,
    defaultResolution: 128,
  }),
  darknet53: network("darknet53", darknet53, {
    variant: "timm darknet53",
    trainableParameters: 41_609_928,
    multiplyAdds: 9.31e9,
    defaultResolution: 256,
  }),
  densenet121: network("densenet121", densenet121, {
    variant: "torchvision densenet121",
    trainableParameters: 7_978_856,
    multiplyAdds: 2.834e9,
    defaultResolution: 224,
  }),
  efficientnetb0: network("efficientnetb0", efficientnetb0, {
    variant: "torchvision efficientnet_b0",
    trainableParameters: 5_288_548,
    multiplyAdds: 0.386e9,
    defaultResolution: 224,
  }),
  googlenet: network("googlenet", googlenet, {
    variant: "torchvision googlenet without auxiliary classifiers",
    trainableParameters: 6_624_904,
    multiplyAdds: 1.498e9,
    defaultResolution: 224,
  }),
  inceptionv4: network("inceptionv4", inceptionv4, {
    variant: "timm inception_v4",
    trainableParameters: 42_679_816,
    multiplyAdds: 12.28e9,
    defaultResolution: 299,
  }),
  mobilenetv2: network("mobilenetv2", mobilenetv2, {
    variant: "torchvision mobilenet_v2",
    trainableParameters: 3_504_872,
    multiplyAdds: 0.301e9,
    defaultResolution: 224,
  }),
  resnet18: network("resnet18", resnet18, {
    variant: "torchvision resnet18",
    trainableParameters: 11_689_512,
    multiplyAdds: 1.814e9,
    defaultResolution: 224,
  }),
  resnet50: network("resnet50", resnet50, {
    variant: "torchvision resnet50",
    trainableParameters: 25_557_032,
    multiplyAdds: 4.089e9,
    defaultResolution: 224,
  }),
  squeezenet: network("squeezenet", squeezenet, {
    variant: "torchvision squeezenet1_1",
    trainableParameters: 1_235_496,
    multiplyAdds: 0.349e9,
    defaultResolution: 224,
  }),
  vgg16: network("vgg16", vgg16, {
    variant: "torchvision vgg16",
    trainableParameters: 138_357_544,
    multiplyAdds: 15.47e9,
    defaultResolution: 224,
  }),
  "vit-tiny": network("vit-tiny", vitTiny, {
    variant: "timm vit_tiny_patch16_224; its multiply-adds count the products of attention, too",
    trainableParameters: 5_717_416,
    multiplyAdds: 1.26e9,
    defaultResolution: 224,
  }),
};

export const zooNames: readonly ZooName[] = Object.keys(zoo) as ZooName[];

/**
 * Builds a network by its name, for callers that read the name from a user.
 *
 * @throws ZOO_UNKNOWN if there is none of that name; else as `ZooNetwork.build`
 */
export function buildZoo(name: string, options: ZooOptions = {}): OnnxModel {
  if (isZooName(name)) return zoo[name].build(options);
  const meant = zooNames.filter((known) => plain(known).startsWith(plain(name).slice(0, 4)));
  const hint =
    meant.length === 0 || plain(name) === "" ? "" : ` Did you mean ${meant.join(" or ")}?`;
  throw new CodedError(
    "ZOO_UNKNOWN",
    `the zoo has no network '${name}', only ${zooNames.join(", ")}.${hint}`,
    { network: name, known: zooNames },
  );
}

function isZooName(name: string): name is ZooName {
  return Object.hasOwn(zoo, name);
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

function network(name: ZooName, write: (sketch: Sketch) => Value, facts: Facts): ZooNetwork {
  const defaults = { resolution: facts.defaultResolution, blocks: 12 };
  const drawing = (options: ZooOptions = {}): Drawing => draw(name, options, defaults, write);
  return { ...facts, draw: drawing, build: (options) => drawing(options).model };
}
