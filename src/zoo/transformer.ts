/**
 * The pieces that transformers are drawn from. Tensors are [batch, tokens, features].
 *
 * @module
 */
import { float } from "../onnx/build-tensor.ts";
import type { Sketch, Value } from "./sketch.ts";

/** x · weights + bias over the last axis, as MatMul `name` and Add `name.add`. */
export function linear(s: Sketch, x: Value, name: string, outputs: number): Value {
  const features = x.shape.at(-1) ?? 1;
  const bound = Math.sqrt(6 / features);
  const weight = s.weight(`${name}.weight`, [features, outputs], -bound, bound);
  const bias = s.weight(`${name}.bias`, [outputs], -0.05, 0.05);
  const shape = [...x.shape.slice(0, -1), outputs];
  s.count(shape.reduce((a, b) => a * b, features));
  const product = s.node("MatMul", name, [x, weight], shape);
  return s.node("Add", `${name}.add`, [product, bias], shape);
}

export function layerNorm(s: Sketch, x: Value, name: string, epsilon: number): Value {
  const shape = [x.shape.at(-1) ?? 1];
  const weight = s.weight(`${name}.weight`, shape, 0.9, 1.1);
  const bias = s.weight(`${name}.bias`, shape, -0.1, 0.1);
  const attributes = { axis: -1, epsilon: float(epsilon) };
  return s.node("LayerNormalization", name, [x, weight, bias], x.shape, attributes);
}

/** 0.5 · x · (1 + erf(x ÷ √2)), node by node. */
export function gelu(s: Sketch, x: Value, name: string): Value {
  const divided = s.node("Div", `${name}.div`, [x, s.scalar("sqrt2", Math.SQRT2)], x.shape);
  const erf = s.node("Erf", `${name}.erf`, [divided], x.shape);
  const raised = s.node("Add", `${name}.add`, [erf, s.scalar("one", 1)], x.shape);
  const product = s.node("Mul", `${name}.mul`, [x, raised], x.shape);
  return s.node("Mul", `${name}.half`, [product, s.scalar("half", 0.5)], x.shape);
}

/** softmax(q · kᵀ ÷ √size) · v for q, k, v of shape [batch, heads, tokens, size], heads joined again. */
export function attend(s: Sketch, q: Value, k: Value, v: Value, name: string): Value {
  const [batch = 1, heads = 1, tokens = 1, size = 1] = q.shape;
  const turned = s.node("Transpose", `${name}.transpose`, [k], [batch, heads, size, tokens], {
    perm: [0, 1, 3, 2],
  });
  const square = [batch, heads, tokens, tokens];
  const scores = s.node("MatMul", `${name}.scores`, [q, turned], square);
  const root = s.scalar("sqrt_head_size", Math.sqrt(size));
  const scaled = s.node("Div", `${name}.scale`, [scores, root], square);
  const shares = s.node("Softmax", `${name}.softmax`, [scaled], square, { axis: -1 });
  const mixed = s.node("MatMul", `${name}.context`, [shares, v], v.shape);
  s.count(2 * batch * heads * tokens * tokens * size);
  const apart = [batch, tokens, heads, size];
  const back = s.node("Transpose", `${name}.back`, [mixed], apart, { perm: [0, 2, 1, 3] });
  return reshape(s, back, `${name}.join`, [batch, tokens, heads * size]);
}

/** The first dimension stays what it is. */
export function reshape(s: Sketch, x: Value, name: string, shape: readonly number[]): Value {
  // 0: as in x.
  const written = s.isOpen ? [0, ...shape.slice(1)] : shape;
  const sizes = s.integers(`shape.${written.join("x")}`, [shape.length], written);
  return s.node("Reshape", name, [x, sizes], shape);
}

/** The token at `index`, without its axis. */
export function token(s: Sketch, x: Value, name: string, index: number): Value {
  const [batch = 1, , features = 1] = x.shape;
  const at = s.integers(`index.${index}`, [], [index]);
  return s.node("Gather", name, [x, at], [batch, features], { axis: 1 });
}

export function sum(s: Sketch, a: Value, b: Value, name: string): Value {
  return s.node("Add", name, [a, b], a.shape);
}
