import {
  type DescField,
  type DescMessage,
  fromBinary,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { CodedError, isCoded, messageOf } from "../../base/errors.ts";

/** What a message may become when it is read: about 128 MiB of numbers. */
const mostValues = 2 ** 22;

/** What one takes in memory, in numbers: in a message, two bytes can stand for an object. */
const weights = { number: 1, bytes: 16, message: 256 } as const;

/**
 * Reads a message, unless it would take far more memory than its bytes do. Fields that it should not
 * have are dropped.
 *
 * @throws REQUEST_INVALID if it is no such message; REQUEST_TOO_LARGE
 */
export function readMessage<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> {
  try {
    weigh(schema, bytes, mostValues);
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (error) {
    if (isCoded(error)) throw error;
    throw new CodedError(
      "REQUEST_INVALID",
      `these ${bytes.byteLength} bytes are no ${schema.typeName}: ${messageOf(error)}`,
      { bytes: bytes.byteLength },
      error,
    );
  }
}

/** @returns what of `room` is left; throws what the reader throws, too */
function weigh(schema: DescMessage, bytes: Uint8Array, room: number): number {
  const reader = new BinaryReader(bytes);
  let left = room;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = schema.fields.find((candidate) => candidate.number === number);
    if (field !== undefined) checkWireType(schema, field, wireType);
    if (field === undefined || wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, number);
      left -= weights.number;
    } else {
      const length = reader.uint32();
      const start = reader.pos;
      reader.pos += length;
      if (reader.pos > reader.len) throw new RangeError("it ends within a field");
      const content = bytes.subarray(start, reader.pos);
      left -= weightOf(field, content);
      const isNested = field.fieldKind !== "map" && field.message !== undefined;
      if (isNested && left >= 0) left = weigh(field.message, content, left);
    }
    if (left < 0) throw tooMany(schema);
  }
  return left;
}

/** Of others the library would read what was not weighed. */
function checkWireType({ typeName }: DescMessage, field: DescField, observed: WireType): void {
  const expected = wireTypeOf(field);
  const isPacked =
    observed === WireType.LengthDelimited &&
    field.fieldKind === "list" &&
    field.listKind !== "message";
  if (observed === expected || isPacked) return;
  throw new Error(`${field.name} of ${typeName} has wire type ${observed} in place of ${expected}`);
}

function wireTypeOf(field: DescField): WireType {
  if (field.fieldKind === "map" || field.message !== undefined) return WireType.LengthDelimited;
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.FLOAT:
      return WireType.Bit32;
    case ScalarType.DOUBLE:
      return WireType.Bit64;
    default:
      return WireType.Varint;
  }
}

/** Of what is length-delimited, without what is nested in it. */
function weightOf(field: DescField, content: Uint8Array): number {
  if (field.fieldKind === "map" || field.message !== undefined) return weights.message;
  switch (wireTypeOf(field)) {
    case WireType.LengthDelimited:
      return weights.bytes;
    case WireType.Bit32:
      return content.byteLength / 4;
    case WireType.Bit64:
      return content.byteLength / 8;
    default:
      // Varints end where the highest bit is clear.
      return content.reduce((count, byte) => count + (byte < 0x80 ? 1 : 0), 0);
  }
}

function tooMany({ typeName }: DescMessage): CodedError {
  return new CodedError(
    "REQUEST_TOO_LARGE",
    `the ${typeName} holds more values than this server reads (${mostValues} numbers, or ${mostValues / weights.bytes} texts, or ${mostValues / weights.message} messages); send large tensors in raw_input_contents`,
    { limit: mostValues },
  );
}
