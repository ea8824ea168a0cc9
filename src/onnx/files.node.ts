/**
 * ONNX models as files.
 *
 * @module
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CodedError, isCoded } from "../base/errors.ts";
import { readFailure, writeFailure } from "../base/file-failure.ts";
import type { RangeReader } from "./external-data.ts";
import type { OnnxModel } from "./model.ts";
import { readOnnx } from "./read.ts";
import { encodeChunks, encodeSkeleton } from "./write.ts";

/** More weights than this go into a file of their own, unless told. */
const externalFromBytes = 64 * 2 ** 20;

/** Node reads and writes at most 2^31 - 1 bytes in one call. */
const largestTransferBytes = 2 ** 30;

export interface WriteOptions {
  /** Whether weights go to `<file>.data` beside the model: `auto` (default) from 64 MiB of weights. */
  readonly externalData?: "auto" | "always" | "never";
}

/**
 * Reads a model from a file and its external data files; memory: their size.
 *
 * @throws FILE_NOT_FOUND, ONNX_MALFORMED, ONNX_UNSUPPORTED; messages name the file
 */
export async function readOnnxFile(path: string): Promise<OnnxModel> {
  return (await readOnnxFiles(path)).model;
}

/**
 * The same, with the files that the model stands in, relative to its folder; its own is the first.
 *
 * @throws FILE_NOT_FOUND, ONNX_MALFORMED, ONNX_UNSUPPORTED; messages name the file
 */
export async function readOnnxFiles(
  path: string,
): Promise<{ readonly model: OnnxModel; readonly files: readonly string[] }> {
  const bytes = readRange(path, 0, null, path);
  const files = new Set([basename(path)]);
  const external: RangeReader = {
    read: (location, offset, length) => {
      files.add(location);
      return readRange(join(dirname(path), location), offset, length, path);
    },
  };
  try {
    return { model: readOnnx(bytes, external), files: [...files] };
  } catch (error) {
    if (!isCoded(error)) throw error;
    throw new CodedError(
      error.code,
      `${path}: ${error.message}`,
      { ...error.details, path },
      error,
    );
  }
}

/** @param length `null`: to the end */
function readRange(path: string, offset: number, length: number | null, model: string): Uint8Array {
  const file = openForReading(path);
  try {
    const status = fstatSync(file);
    if (status.isDirectory()) {
      throw new CodedError("FILE_NOT_FOUND", `${path} is a folder, not a model file`, { path });
    }
    const { size } = status;
    const count = length ?? size;
    if (length === null && size > 2 ** 31 - 1) {
      throw new CodedError(
        "ONNX_MALFORMED",
        `${path} has ${size} bytes, an ONNX file at most 2147483647: larger models keep their weights in external data files`,
        { path, bytes: size },
      );
    }
    if (offset + count > size) {
      throw new CodedError(
        "ONNX_MALFORMED",
        `${model} needs bytes ${offset} to ${offset + count} of ${path}, which has ${size}; it may be truncated`,
        { path, bytes: size },
      );
    }
    const bytes = new Uint8Array(count);
    for (let done = 0; done < count; ) {
      const wanted = Math.min(count - done, largestTransferBytes);
      const read = readSync(file, bytes, done, wanted, offset + done);
      if (read === 0) throw new CodedError("ONNX_MALFORMED", `${path} became shorter`, { path });
      done += read;
    }
    return bytes;
  } catch (cause) {
    throw isCoded(cause) ? cause : unreadable(path, cause);
  } finally {
    closeSync(file);
  }
}

function openForReading(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): CodedError {
  return new CodedError(
    "FILE_NOT_FOUND",
    `cannot read ${path}: ${readFailure(cause)}`,
    { path },
    cause,
  );
}

/**
 * Writes a model; weights are written from where they are, without a copy. The files appear under
 * their names when they are complete: on failure nothing is left of a new one.
 *
 * @throws FILE_WRITE_FAILED; ONNX_UNSUPPORTED if it is too large for one file and `externalData` is
 * `never`
 */
export async function writeOnnxFile(
  path: string,
  model: OnnxModel,
  { externalData = "auto" }: WriteOptions = {},
): Promise<void> {
  const weightBytes = [...model.weights.values()].reduce((sum, { length }) => sum + length, 0);
  const apart =
    externalData === "always" || (externalData === "auto" && weightBytes > externalFromBytes);
  if (!apart || weightBytes === 0)
    return writeWhole([{ path, pieces: inOrder(encodeChunks(model)) }]);
  const dataPath = `${path}.data`;
  const { skeleton, blobs } = encodeSkeleton(model, basename(dataPath));
  const pieces = blobs.map(({ name, offset }) => ({
    offset,
    bytes: model.weights.get(name) ?? new Uint8Array(),
  }));
  await writeWhole([
    { path: dataPath, pieces },
    { path, pieces: inOrder([skeleton]) },
  ]);
}

/** Bytes for a place in a file; what lies between two pieces reads as zeros. */
interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

function inOrder(chunks: readonly Uint8Array[]): Piece[] {
  let end = 0;
  return chunks.map((bytes) => {
    const offset = end;
    end += bytes.length;
    return { offset, bytes };
  });
}

/** Writes files under temporary names, then renames all of them in order. */
async function writeWhole(files: readonly { path: string; pieces: Piece[] }[]): Promise<void> {
  const pending = files.map(({ path, pieces }) => ({
    path,
    pieces,
    temporary: `${path}.${process.pid}.part`,
  }));
  try {
    for (const { temporary, pieces } of pending) await writePieces(temporary, pieces);
    for (const { temporary, path } of pending) await rename(temporary, path);
  } catch (cause) {
    // What cannot be removed was not made; the first failure is the one to tell.
    await Promise.allSettled(pending.map(({ temporary }) => rm(temporary, { force: true })));
    const paths = files.map(({ path }) => path).join(" and ");
    throw new CodedError(
      "FILE_WRITE_FAILED",
      `cannot write ${paths}: ${writeFailure(cause)}; nothing was left behind`,
      { path: files.at(-1)?.path },
      cause,
    );
  }
}

async function writePieces(path: string, pieces: readonly Piece[]): Promise<void> {
  const file = await open(path, "w");
  try {
    for (const batch of batches(pieces)) {
      const [first] = batch;
      if (first !== undefined) await writeFully(file, batch, first.offset);
    }
  } finally {
    await file.close();
  }
}

/** Neighbouring pieces together, so that few calls write them; gaps and the call's limits end a batch. */
function batches(pieces: readonly Piece[]): Piece[][] {
  const limits = { pieces: 512, bytes: largestTransferBytes };
  const result: Piece[][] = [];
  let [end, total] = [-1, 0];
  for (const piece of pieces) {
    const current = result.at(-1);
    const fits = total + piece.bytes.length <= limits.bytes;
    if (current !== undefined && piece.offset === end && fits && current.length < limits.pieces) {
      current.push(piece);
      total += piece.bytes.length;
    } else {
      result.push([piece]);
      total = piece.bytes.length;
    }
    end = piece.offset + piece.bytes.length;
  }
  return result;
}

/** The system may write less than asked for. */
async function writeFully(
  file: FileHandle,
  pieces: readonly Piece[],
  start: number,
): Promise<void> {
  let rest = pieces.map(({ bytes }) => bytes).filter(({ length }) => length > 0);
  let position = start;
  while (rest.length > 0) {
    const buffers = rest.map((bytes) => bytes.subarray(0, largestTransferBytes));
    const short = rest.findIndex((bytes) => bytes.length > largestTransferBytes);
    const { bytesWritten } = await file.writev(
      short < 0 ? buffers : buffers.slice(0, short + 1),
      position,
    );
    position += bytesWritten;
    rest = without(rest, bytesWritten);
  }
}

function without(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count;
  return chunks.flatMap((chunk) => {
    const skipped = Math.min(skip, chunk.length);
    skip -= skipped;
    return skipped === chunk.length ? [] : [chunk.subarray(skipped)];
  });
}
