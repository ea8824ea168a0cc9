/**
 * Networks as chains of candidate cuts, as the k-path experiments have them: what is sent at each cut
 * and what the nodes between two cuts hold.
 *
 * @see Parthasarathy and Krishnamachari, "Partitioning and placement of deep neural networks on
 * distributed edge devices to maximize inference throughput", ITNAC 2022, and its public code
 *
 * @module
 */
import { z } from "zod";
import { bytes, seconds, secondsPerByte } from "../base/units.ts";
import { parseDocument } from "../cost/document.ts";
import type { Profile } from "../cost/profile.ts";
import { leastSumParts } from "../plan/planners/kpath/partition.ts";

/** Arrays are by candidate cut: the first is behind the input, the last behind the output. */
export interface KpathChain {
  readonly model: string;
  /** The node behind which each cut is. */
  readonly points: readonly string[];
  /** Elements of the tensor that crosses. */
  readonly elements: readonly number[];
  /** What the public code sends: 8 bytes an element, once for each consumer, ÷ 1.44; Mbit of 2^20. */
  readonly publishedMbit: readonly number[];
  /** Bytes that the nodes from each cut to the next hold: as published, with a byte a parameter. */
  readonly publishedBytes: readonly number[];
  /** The same with four bytes a parameter. */
  readonly honestBytes: readonly number[];
}

/**
 * `published`: as the public code counts, faults included. `honest`: four bytes an element and a
 * parameter, one copy for all consumers, no nodes left out; the assumed compression by 1.44 stays.
 */
export type KpathRules = "published" | "honest";

const schema = z.object({
  model: z.string(),
  points: z.array(z.string()),
  elements: z.array(z.number()),
  transfer_mbit_repo: z.array(z.number()),
  segmem_repo: z.array(z.number()),
  segmem_4B: z.array(z.number()),
});

/** @throws PROFILE_INVALID */
export function readKpathChain(text: string, file: string): KpathChain {
  const read = parseDocument(text, schema, file, "PROFILE_INVALID");
  return {
    model: read.model,
    points: read.points,
    elements: read.elements,
    publishedMbit: read.transfer_mbit_repo,
    publishedBytes: read.segmem_repo,
    honestBytes: read.segmem_4B,
  };
}

const bitsPerMbit = 2 ** 20;
const assumedRatio = 1.44;

/** What crosses each cut, in Mbit of 2^20 bits. */
export function transferMbit(chain: KpathChain, rules: KpathRules): readonly number[] {
  if (rules === "published") return chain.publishedMbit;
  return chain.elements.map((elements) => (elements * 32) / assumedRatio / bitsPerMbit);
}

/** A division of a chain: the cuts inside it, and what crosses each. */
export interface KpathPartition {
  readonly cuts: readonly number[];
  readonly mbit: readonly number[];
}

/**
 * The parts of least total transfer, each below a cap on memory: O(cuts³).
 *
 * A part of the public code owns cuts i to j − 1 and holds what lies between the first and the last
 * of them: the nodes that lead to its first cut belong to no part.
 *
 * @returns `null` if some nodes fit no part
 */
export function partitionByLeastSum(
  chain: KpathChain,
  capBytes: number,
  rules: KpathRules,
): KpathPartition | null {
  const sent = transferMbit(chain, rules);
  const starts = leastSumParts(
    chain.points.length,
    (start) => sent[start - 1] as number,
    (start, end) => heldBytes(chain, rules, start, end) < capBytes,
  );
  if (starts === null) return null;
  const cuts = starts.slice(1).map((start) => start - 1);
  return { cuts, mbit: cuts.map((cut) => sent[cut] as number) };
}

/** What a part holds that owns the cuts from `start` up to and without `end`. */
export function heldBytes(
  chain: KpathChain,
  rules: KpathRules,
  start: number,
  end: number,
): number {
  const held =
    rules === "published"
      ? chain.publishedBytes.slice(start, end - 1)
      : chain.honestBytes.slice(Math.max(0, start - 1), end - 1);
  return held.reduce((sum, value) => sum + value, 0);
}

/**
 * The chain by the honest rules as a profile: a node for what lies between two cuts, without seconds,
 * with all that it holds as parameters. The compressed tensors are alive besides, as the cost model
 * has it, so that a device needs a little more than the experiments count.
 */
export function chainProfile(chain: KpathChain): Profile {
  const sent = transferMbit(chain, "honest").map((mbit) => (mbit * bitsPerMbit) / 8);
  return profileOf(chain.model, sent.slice(0, -1), chain.points.slice(1), chain.honestBytes);
}

/** Room for one part of `partsProfile`, and not for two. */
export const roomForOnePart: number = 1.5 * 2 ** 50;

/**
 * The parts of a division as a profile, for placing them one a device, as the experiments do: sizes
 * and rates cancel as if both were in the same Mbit.
 */
export function partsProfile({ model }: KpathChain, { mbit }: KpathPartition): Profile {
  const parts = Array.from({ length: mbit.length + 1 }, (_, part) => `part${part}`);
  const sent = [0, ...mbit].map((size) => (size * 1e6) / 8);
  return profileOf(
    model,
    sent,
    parts,
    parts.map(() => 2 ** 50),
  );
}

/** @param sent what each node reads, and what it holds, in bytes */
function profileOf(
  name: string,
  sent: readonly number[],
  nodes: readonly string[],
  held: readonly number[],
): Profile {
  const tensors = [...sent, 0];
  const tensorName = (position: number): string => (position === 0 ? "input" : `t${position}`);
  return {
    format: "partita.profile/1",
    graph: {
      name,
      inputs: [tensorName(0)],
      outputs: [tensorName(nodes.length)],
      tensors: tensors.map((amount, position) => ({
        name: tensorName(position),
        dataType: "uint8",
        shape: [Math.ceil(amount)],
        bytes: bytes(amount),
      })),
      nodes: nodes.map((node, position) => ({
        name: node,
        operator: "Part",
        inputs: [tensorName(position)],
        outputs: [tensorName(position + 1)],
        flop: null,
        parameterBytes: bytes(held[position] as number),
      })),
    },
    devices: {
      any: {
        nodeSeconds: nodes.map(() => seconds(0)),
        overheadSeconds: seconds(0),
        boundarySecondsPerByte: secondsPerByte(0),
        overheadBytes: bytes(0),
      },
    },
  };
}
