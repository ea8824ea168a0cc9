/**
 * How many floating-point operations a node takes, by operator.
 *
 * @module
 */
import type { NodeProto } from "onnx-buf";
import { type Flop, flop } from "../base/units.ts";
import { elementCount } from "../graph/tensor-value.ts";

/** A node with what is known of its tensors. */
interface Subject {
  /** Shape of the input at a position; `null` if absent or unknown. */
  input(position: number): readonly number[] | null;
  output(position: number): readonly number[] | null;
  attribute(name: string): bigint | undefined;
  ints(name: string): readonly bigint[];
}

/** Counts; `null` where a shape that is needed is not known. */
type Counter = (subject: Subject) => number | null;

/**
 * FLOP of a node; a multiply-add is two. Additions of a bias and activations that are fused into a
 * node are not counted, as in the published figures of networks; an element-wise function such as
 * `Exp` counts one per element.
 *
 * @param shapeOf the shape of a tensor, parameters included; `null` if it is not known
 * @returns `null` if the operator has no entry, or a shape is missing
 */
export function countFlop(
  node: NodeProto,
  shapeOf: (tensor: string) => readonly number[] | null,
): Flop | null {
  if (!knownDomains.has(node.domain)) return null;
  const counter = catalogue.get(`${node.domain}:${node.opType}`) ?? catalogue.get(node.opType);
  const at = (names: readonly string[], position: number) => {
    const name = names[position] ?? "";
    return name === "" ? null : shapeOf(name);
  };
  const count = counter?.({
    input: (position) => at(node.input, position),
    output: (position) => at(node.output, position),
    attribute: (name) => node.attribute.find((attribute) => attribute.name === name)?.i,
    ints: (name) => node.attribute.find((attribute) => attribute.name === name)?.ints ?? [],
  });
  return count === undefined || count === null ? null : flop(count);
}

const knownDomains: ReadonlySet<string> = new Set([
  "",
  "ai.onnx",
  "com.microsoft",
  "com.microsoft.nchwc",
]);

const outputElements: Counter = ({ output }) => elements(output(0));
const inputElements: Counter = ({ input }) => elements(input(0));

function elements(shape: readonly number[] | null): number | null {
  return shape === null ? null : elementCount(shape);
}

/** So many operations for each element of the output. */
function perOutput(operations: number): Counter {
  return ({ output }) => times(elements(output(0)), operations);
}

function times(...factors: readonly (number | null)[]): number | null {
  return factors.reduce((product, factor) =>
    product === null || factor === null ? null : product * factor,
  );
}

/**
 * Each output element sums over the weight's input channels and window.
 *
 * @param weight position of the weight among the inputs
 */
function convolution(weight: number): Counter {
  return ({ input, output }) => {
    const window = input(weight)?.slice(1) ?? null;
    return times(2, elements(output(0)), elements(window));
  };
}

/** Each input element is spread over the weight's output channels and window. */
const transposedConvolution: Counter = ({ input }) =>
  times(2, elements(input(0)), elements(input(1)?.slice(1) ?? null));

/** @param right position of the second factor */
function matrixProduct(right: number): Counter {
  return ({ input, output, attribute }) => {
    const shape = input(0);
    if (shape === null || input(right) === null) return null;
    const transposed = attribute("transA") === 1n && shape.length > 1;
    const summed = shape.at(transposed ? -2 : -1) ?? null;
    return times(2, elements(output(0)), summed);
  };
}

/** Sums over the inner axis of a weight that is packed as [rows, blocks, bytes]. */
const blockQuantisedProduct: Counter = ({ output, attribute }) => {
  const inner = attribute("K");
  return times(2, elements(output(0)), inner === undefined ? null : Number(inner));
};

const pooling: Counter = ({ output, ints }) => {
  const window = ints("kernel_shape").reduce((product, size) => product * Number(size), 1);
  return times(elements(output(0)), window);
};

/** A window along the channels for each element: square, add, and four more. */
const localResponse: Counter = ({ output, attribute }) =>
  times(elements(output(0)), 2 * Number(attribute("size") ?? 0n) + 4);

/** `Q Kᵀ` and the weighted sum of values, of [batch, sequence, hidden]; softmax is not counted. */
const multiHeadAttention: Counter = ({ input }) => {
  const [queries, keys] = [input(0), input(1) ?? input(0)];
  if (queries?.length !== 3 || keys?.length !== 3) return null;
  return times(4, elementCount(queries), keys[1] ?? null);
};

/** The standard operator: a row of the result for each query, over all keys, those of the past too. */
const attention: Counter = ({ input, output }) => {
  const [queries, keys, past] = [elements(input(0)), input(1), input(4)];
  const results = elements(output(0));
  if (queries === null || keys === null || results === null) return null;
  return 2 * (queries + results) * ((keys.at(-2) ?? 0) + (past?.at(-2) ?? 0));
};

/** ONNX Runtime's operator: the same with the projections of queries, keys and values in front. */
const attentionWithProjection: Counter = ({ input }) => {
  const [tokens, weight] = [input(0), input(1)];
  if (tokens?.length !== 3 || weight?.length !== 2) return null;
  const [batch = 0, sequence = 0, width = 0] = tokens;
  const projected = weight[1] ?? 0;
  const attended = (4 * batch * sequence * sequence * projected) / 3;
  return 2 * batch * sequence * width * projected + attended;
};

/** Each step multiplies the weights of all gates with the input and with the state. */
const recurrent: Counter = ({ input }) => {
  const [sequence, weight, state] = [input(0), input(1), input(2)];
  if (sequence === null || weight === null || state === null) return null;
  const [steps = 0, batch = 0] = sequence;
  return 2 * steps * batch * (elementCount(weight) + elementCount(state));
};

/** Moves or reads data only. */
const free: Counter = () => 0;

/** By alphabet; operators of one cost stand together at the end. */
const catalogue: ReadonlyMap<string, Counter> = new Map(
  Object.entries({
    Attention: attention,
    AveragePool: pooling,
    BatchNormalization: perOutput(2),
    BiasGelu: perOutput(9),
    Conv: convolution(1),
    ConvInteger: convolution(1),
    ConvTranspose: transposedConvolution,
    DynamicQuantizeLSTM: recurrent,
    DynamicQuantizeMatMul: matrixProduct(1),
    FastGelu: perOutput(8),
    FusedConv: convolution(1),
    FusedGemm: matrixProduct(1),
    FusedMatMul: matrixProduct(1),
    GRU: recurrent,
    Gelu: perOutput(8),
    Gemm: matrixProduct(1),
    GlobalAveragePool: inputElements,
    GlobalMaxPool: inputElements,
    GroupNormalization: perOutput(8),
    InstanceNormalization: perOutput(8),
    LRN: localResponse,
    LSTM: recurrent,
    LayerNormalization: perOutput(8),
    LogSoftmax: perOutput(5),
    LpNormalization: perOutput(3),
    MatMul: matrixProduct(1),
    MatMulInteger: matrixProduct(1),
    MatMulIntegerToFloat: matrixProduct(1),
    MatMulNBits: blockQuantisedProduct,
    MaxPool: pooling,
    MultiHeadAttention: multiHeadAttention,
    NhwcFusedConv: convolution(1),
    QAttention: attentionWithProjection,
    QGemm: matrixProduct(3),
    QLinearAveragePool: pooling,
    QLinearConv: convolution(3),
    QLinearGlobalAveragePool: inputElements,
    QLinearMatMul: matrixProduct(3),
    QuickGelu: perOutput(5),
    RMSNormalization: perOutput(5),
    RNN: recurrent,
    Resize: perOutput(4),
    SimplifiedLayerNormalization: perOutput(5),
    SkipLayerNormalization: perOutput(9),
    SkipSimplifiedLayerNormalization: perOutput(6),
    Softmax: perOutput(5),
    Upsample: perOutput(4),
    "com.microsoft:Attention": attentionWithProjection,
    ...each(
      "Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Ceil Celu Clip Cos Cosh DequantizeLinear Div Elu Equal Erf Exp Floor Greater GreaterOrEqual HardSigmoid HardSwish IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow QLinearAdd QLinearLeakyRelu QLinearMul QLinearSigmoid QuantizeLinear DynamicQuantizeLinear Reciprocal Relu Round Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor",
      outputElements,
    ),
    ...each(
      "ArgMax ArgMin CumSum ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare",
      inputElements,
    ),
    ...each(
      "Cast CastLike Compress Concat Constant ConstantOfShape DepthToSpace Dropout Expand EyeLike Flatten Gather GatherElements GatherND Identity NonZero OneHot Pad QLinearConcat Range ReorderInput ReorderOutput Reshape ReverseSequence ScatterElements ScatterND Shape Size Slice SpaceToDepth Split Squeeze Tile Transpose Trilu Unsqueeze",
      free,
    ),
  }),
);

function each(operators: string, counter: Counter): Record<string, Counter> {
  return Object.fromEntries(operators.split(" ").map((operator) => [operator, counter]));
}
