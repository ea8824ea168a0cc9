import type { Sketch, Value } from "./sketch.ts";
import {
  averagePool,
  batchNorm,
  classify,
  concat,
  conv,
  maxPool,
  picture,
  relu,
} from "./spatial.ts";

/** [channels, kernel rows, kernel columns, stride, whether the border is padded] */
type Unit = readonly [number, number, number, number, boolean];

const single = (channels: number): Unit => [channels, 1, 1, 1, true];
const same = (channels: number, rows: number, columns: number): Unit => [
  channels,
  rows,
  columns,
  1,
  true,
];
const halve = (channels: number): Unit => [channels, 3, 3, 2, false];

/** A chain of units; `average` and `max` put a pooling in front of it. */
interface Branch {
  readonly pool?: "average" | "max";
  readonly units: readonly Unit[];
}

const mixed3a: readonly Branch[] = [{ pool: "max", units: [] }, { units: [halve(96)] }];

const mixed4a: readonly Branch[] = [
  { units: [single(64), [96, 3, 3, 1, false]] },
  { units: [single(64), same(64, 1, 7), same(64, 7, 1), [96, 3, 3, 1, false]] },
];

const mixed5a: readonly Branch[] = [{ units: [halve(192)] }, { pool: "max", units: [] }];

const inceptionA: readonly Branch[] = [
  { units: [single(96)] },
  { units: [single(64), same(96, 3, 3)] },
  { units: [single(64), same(96, 3, 3), same(96, 3, 3)] },
  { pool: "average", units: [single(96)] },
];

const reductionA: readonly Branch[] = [
  { units: [halve(384)] },
  { units: [single(192), same(224, 3, 3), halve(256)] },
  { pool: "max", units: [] },
];

const inceptionB: readonly Branch[] = [
  { units: [single(384)] },
  { units: [single(192), same(224, 1, 7), same(256, 7, 1)] },
  { units: [single(192), same(192, 7, 1), same(224, 1, 7), same(224, 7, 1), same(256, 1, 7)] },
  { pool: "average", units: [single(128)] },
];

const reductionB: readonly Branch[] = [
  { units: [single(192), halve(192)] },
  { units: [single(256), same(256, 1, 7), same(320, 7, 1), halve(320)] },
  { pool: "max", units: [] },
];

/** Behind the stem, in order; `null` stands for Inception-C, whose branches fork again. */
const features: readonly (readonly Branch[] | null)[] = [
  mixed3a,
  mixed4a,
  mixed5a,
  ...Array.from({ length: 4 }, () => inceptionA),
  reductionA,
  ...Array.from({ length: 7 }, () => inceptionB),
  reductionB,
  null,
  null,
  null,
];

/**
 * Inception-v4. Its unpadded stem needs a resolution of at least 75.
 *
 * @see Szegedy, Ioffe, Vanhoucke and Alemi, "Inception-v4, Inception-ResNet and the impact of
 * residual connections on learning", 2017; timm `inception_v4`
 */
export function inceptionv4(s: Sketch): Value {
  let x = unit(s, picture(s), "features.0", [32, 3, 3, 2, false]);
  x = unit(s, x, "features.1", [32, 3, 3, 1, false]);
  x = unit(s, x, "features.2", same(64, 3, 3));
  features.forEach((branches, index) => {
    const name = `features.${index + 3}`;
    x = branches === null ? inceptionC(s, x, name) : mix(s, x, name, branches);
  });
  return classify(s, x, "last_linear");
}

function mix(s: Sketch, x: Value, name: string, branches: readonly Branch[]): Value {
  const ends = branches.map(({ pool, units }, index) => {
    const branch = `${name}.branch${index}`;
    let y = x;
    if (pool === "max") y = maxPool(s, y, `${branch}.pool`, { kernel: 3, stride: 2 });
    if (pool === "average") {
      y = averagePool(s, y, `${branch}.pool`, { kernel: 3, stride: 1, pad: 1 });
    }
    units.forEach((options, at) => {
      y = unit(s, y, `${branch}.${at}`, options);
    });
    return y;
  });
  return concat(s, ends, `${name}.concat`);
}

function inceptionC(s: Sketch, x: Value, name: string): Value {
  const narrow = unit(s, x, `${name}.branch1_0`, single(384));
  const reduced = unit(s, x, `${name}.branch2_0`, single(384));
  const tall = unit(s, reduced, `${name}.branch2_1`, same(448, 3, 1));
  const wide = unit(s, tall, `${name}.branch2_2`, same(512, 1, 3));
  const pooled = averagePool(s, x, `${name}.branch3.pool`, { kernel: 3, stride: 1, pad: 1 });
  const ends = [
    unit(s, x, `${name}.branch0`, single(256)),
    unit(s, narrow, `${name}.branch1_1a`, same(256, 1, 3)),
    unit(s, narrow, `${name}.branch1_1b`, same(256, 3, 1)),
    unit(s, wide, `${name}.branch2_3a`, same(256, 1, 3)),
    unit(s, wide, `${name}.branch2_3b`, same(256, 3, 1)),
    unit(s, pooled, `${name}.branch3.1`, single(256)),
  ];
  return concat(s, ends, `${name}.concat`);
}

function unit(s: Sketch, x: Value, name: string, options: Unit): Value {
  const [channels, rows, columns, stride, padded] = options;
  const made = conv(s, x, `${name}.conv`, {
    channels: s.channels(channels),
    kernel: [rows, columns],
    stride,
    pad: padded ? [(rows - 1) / 2, (columns - 1) / 2] : 0,
  });
  return relu(s, batchNorm(s, made, `${name}.bn`, { epsilon: 1e-3 }), `${name}.relu`);
}
