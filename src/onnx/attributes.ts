/**
 * Attributes of nodes, with the values that stand for those that are left out.
 *
 * @module
 */
import type { NodeProto } from "onnx-buf";
import { type AttributeValue, attribute } from "./build-tensor.ts";
import { withFields } from "./message.ts";

/** Whole numbers; `standard` if there are none. */
export function intsOf(
  { attribute: attributes }: NodeProto,
  name: string,
  standard: readonly number[],
): readonly number[] {
  const stated = attributes.find((known) => known.name === name)?.ints ?? [];
  return stated.length === 0 ? standard : stated.map(Number);
}

export function intOf(
  { attribute: attributes }: NodeProto,
  name: string,
  standard: number,
): number {
  const stated = attributes.find((known) => known.name === name);
  return stated === undefined ? standard : Number(stated.i);
}

export function textOf(
  { attribute: attributes }: NodeProto,
  name: string,
  standard: string,
): string {
  const stated = attributes.find((known) => known.name === name);
  return stated === undefined ? standard : new TextDecoder().decode(stated.s);
}

/** The node with other values of some attributes; `null` leaves one out. */
export function withAttributes(
  node: NodeProto,
  values: Readonly<Record<string, AttributeValue | null>>,
): NodeProto {
  const kept = node.attribute.filter(({ name }) => !Object.hasOwn(values, name));
  const set = Object.entries(values).flatMap(([name, value]) =>
    value === null ? [] : [attribute(name, value)],
  );
  return withFields(node, { attribute: [...kept, ...set] });
}
