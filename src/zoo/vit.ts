import type { Sketch, Value } from "./sketch.ts";
import { conv, gemm, picture } from "./spatial.ts";
import { attend, gelu, layerNorm, linear, reshape, sum, token } from "./transformer.ts";

const heads = 3;
const publishedHeadSize = 64;
const patch = 16;
const epsilon = 1e-6;

/**
 * ViT-Tiny with patches of 16 × 16 and a class token. The width scales the size of a head, not
 * their number; rows and columns that do not fill a patch are cut off; there is one trained position
 * per token, so that other resolutions have other parameter counts.
 *
 * @see Dosovitskiy et al., "An image is worth 16x16 words", 2021; timm `vit_tiny_patch16_224`
 */
export function vitTiny(s: Sketch): Value {
  let x = embed(s);
  for (let index = 0; index < s.options.blocks; index++) x = block(s, x, `blocks.${index}`);
  const last = token(s, layerNorm(s, x, "norm", epsilon), "class_token", 0);
  return gemm(s, last, "head", s.options.classes);
}

/** Patches and the class token, with their positions. */
function embed(s: Sketch): Value {
  const features = heads * s.channels(publishedHeadSize);
  const options = { channels: features, kernel: patch, stride: patch, bias: true };
  const patches = conv(s, picture(s), "patch_embed.proj", options);
  const [batch = 1, , rows = 1, columns = 1] = patches.shape;
  const count = rows * columns;
  const flat = reshape(s, patches, "patch_embed.flatten", [batch, features, count]);
  const turned = s.node("Transpose", "patch_embed.transpose", [flat], [batch, count, features], {
    perm: [0, 2, 1],
  });
  const single = s.weight("cls_token", [1, 1, features], -0.5, 0.5);
  const classToken = repeat(s, single, turned, [batch, 1, features]);
  const shape = [batch, count + 1, features];
  const tokens = s.node("Concat", "cls_token.concat", [classToken, turned], shape, { axis: 1 });
  const positions = s.weight("pos_embed", [1, count + 1, features], -0.5, 0.5);
  return s.node("Add", "pos_embed.add", [tokens, positions], shape);
}

/** The class token as often as there are rows of `like`. */
function repeat(s: Sketch, single: string, like: Value, shape: readonly [number, number, number]) {
  const [batch, ...rest] = shape;
  if (s.isOpen) {
    const rows = s.node("Shape", "cls_token.rows", [like], [1], { start: 0, end: 1 });
    const sizes = s.node(
      "Concat",
      "cls_token.shape",
      [rows, s.integers(`shape.${rest.join("x")}`, [2], rest)],
      [3],
      { axis: 0 },
    );
    return s.node("Expand", "cls_token.expand", [single, sizes], shape);
  }
  if (batch === 1) return single;
  const sizes = s.integers(`shape.${shape.join("x")}`, [3], shape);
  return s.node("Expand", "cls_token.expand", [single, sizes], shape);
}

function block(s: Sketch, x: Value, name: string): Value {
  const [, , features = 1] = x.shape;
  const context = attention(s, layerNorm(s, x, `${name}.norm1`, epsilon), `${name}.attn`);
  const attended = linear(s, context, `${name}.attn.proj`, features);
  const middle = sum(s, x, attended, `${name}.add1`);
  const wide = linear(
    s,
    layerNorm(s, middle, `${name}.norm2`, epsilon),
    `${name}.mlp.fc1`,
    4 * features,
  );
  const narrow = linear(s, gelu(s, wide, `${name}.mlp.act`), `${name}.mlp.fc2`, features);
  return sum(s, middle, narrow, `${name}.add2`);
}

/** Query, key and value by one product, as published. */
function attention(s: Sketch, x: Value, name: string): Value {
  const [batch = 1, tokens = 1, features = 1] = x.shape;
  const size = features / heads;
  const all = linear(s, x, `${name}.qkv`, 3 * features);
  const apart = reshape(s, all, `${name}.reshape`, [batch, tokens, 3, heads, size]);
  const turned = s.node("Transpose", `${name}.heads`, [apart], [3, batch, heads, tokens, size], {
    perm: [2, 0, 3, 1, 4],
  });
  const pick = (part: string, index: number): Value => {
    const at = s.integers(`index.${index}`, [], [index]);
    return s.node("Gather", `${name}.${part}`, [turned, at], [batch, heads, tokens, size], {
      axis: 0,
    });
  };
  return attend(s, pick("q", 0), pick("k", 1), pick("v", 2), name);
}
