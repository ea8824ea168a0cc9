import { CodedError } from "../base/errors.ts";
import type { Sketch, Value } from "./sketch.ts";
import { attend, gelu, layerNorm, linear, reshape, sum, token } from "./transformer.ts";

const heads = 12;
const publishedHeadSize = 64;
const vocabulary = 30522;
const positions = 512;
const epsilon = 1e-12;

/**
 * A BERT encoder: embeddings, blocks and pooler in the shape of BERT-base-uncased. It reads
 * `input_ids`, int64 [batch, tokens], all of one segment and none masked, and answers the pooled
 * first token. The width scales the size of a head, not their number.
 *
 * @throws USAGE_INVALID if there are more tokens than trained positions (512)
 * @see Devlin, Chang, Lee and Toutanova, "BERT: pre-training of deep bidirectional transformers for
 * language understanding", 2019; Hugging Face `BertModel`, `bert-base-uncased`
 */
export function bert(s: Sketch): Value {
  let x = embed(s);
  for (let index = 0; index < s.options.blocks; index++) x = block(s, x, `encoder.layer.${index}`);
  const [, , features = 1] = x.shape;
  const pooled = linear(s, token(s, x, "pooler.first", 0), "pooler.dense", features);
  return s.node("Tanh", "pooler.activation", [pooled], pooled.shape);
}

/** Words, positions and the segment, summed and normalised. */
function embed(s: Sketch): Value {
  const { batch, resolution: tokens } = s.options;
  if (tokens > positions) {
    throw new CodedError(
      "USAGE_INVALID",
      `zoo network 'bert': ${tokens} tokens asked for, at most ${positions} have a trained position`,
      { tokens, limit: positions },
    );
  }
  const features = heads * s.channels(publishedHeadSize);
  const table = (name: string, rows: number): string =>
    s.weight(`embeddings.${name}.weight`, [rows, features], -1, 1);
  const ids = s.input("input_ids", "int64", [batch, tokens]);
  const order = Array.from({ length: tokens }, (_, index) => index);
  const shape = [batch, tokens, features];
  const words = s.node(
    "Gather",
    "embeddings.word_embeddings",
    [table("word_embeddings", vocabulary), ids],
    shape,
  );
  const places = s.node(
    "Gather",
    "embeddings.position_embeddings",
    [table("position_embeddings", positions), s.integers("position_ids", [1, tokens], order)],
    [1, tokens, features],
  );
  const segment = s.node(
    "Gather",
    "embeddings.token_type_embeddings",
    [
      table("token_type_embeddings", 2),
      s.integers(
        "token_type_ids",
        [1, tokens],
        order.map(() => 0),
      ),
    ],
    [1, tokens, features],
  );
  const typed = sum(s, words, segment, "embeddings.add_type");
  const placed = sum(s, typed, places, "embeddings.add_position");
  return layerNorm(s, placed, "embeddings.LayerNorm", epsilon);
}

function block(s: Sketch, x: Value, name: string): Value {
  const [batch = 1, tokens = 1, features = 1] = x.shape;
  const size = features / heads;
  const project = (part: string): Value => {
    const base = `${name}.attention.self.${part}`;
    const apart = [batch, tokens, heads, size];
    const made = reshape(s, linear(s, x, base, features), `${base}.reshape`, apart);
    const turned = [batch, heads, tokens, size];
    return s.node("Transpose", `${base}.heads`, [made], turned, { perm: [0, 2, 1, 3] });
  };
  const [q, k, v] = [project("query"), project("key"), project("value")];
  const context = attend(s, q, k, v, `${name}.attention.self`);
  const attended = linear(s, context, `${name}.attention.output.dense`, features);
  const first = sum(s, attended, x, `${name}.attention.output.add`);
  const middle = layerNorm(s, first, `${name}.attention.output.LayerNorm`, epsilon);
  const wide = linear(s, middle, `${name}.intermediate.dense`, 4 * features);
  const active = gelu(s, wide, `${name}.intermediate.act`);
  const narrow = linear(s, active, `${name}.output.dense`, features);
  const second = sum(s, narrow, middle, `${name}.output.add`);
  return layerNorm(s, second, `${name}.output.LayerNorm`, epsilon);
}
