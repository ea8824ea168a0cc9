/**
 * Requests from files: arrays of NumPy, pictures, raw bytes, or folders of them.
 *
 * @module
 */
import { readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { CodedError } from "../../base/errors.ts";
import { bytesPerElement, elementCount, type TensorValue } from "../../graph/tensor-value.ts";
import type { TensorSignature, TensorValues } from "../../runtime/runtime.ts";
import { readBytes, readText } from "../files.ts";
import type { Terminal } from "../terminal.ts";
import { readImage } from "./image.ts";
import { isNpy, readNpy } from "./npy.ts";
import { readNpz } from "./npz.ts";
import { defaultPreprocessing, type Preprocessing, readPreprocessing } from "./preprocessing.ts";

/** One request, with the file that it came from. */
export interface InputFile {
  readonly name: string;
  readonly values: TensorValues;
}

const pictures: ReadonlySet<string> = new Set([
  ".avif",
  ".gif",
  ".jpeg",
  ".jpg",
  ".png",
  ".tif",
  ".tiff",
  ".webp",
]);
const raws: ReadonlySet<string> = new Set([".bin", ".raw"]);
const arrays: ReadonlySet<string> = new Set([".npy", ".npz"]);

/**
 * The files that are requests: those named, and those in folders that are named, by name.
 *
 * @throws FILE_NOT_FOUND
 */
export async function listInputs(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const isFolder = path !== "-" && (await stat(path).catch(() => null))?.isDirectory() === true;
    if (!isFolder) found.push(path);
    else found.push(...(await listFolder(path)));
  }
  return found;
}

async function listFolder(path: string): Promise<string[]> {
  const names = (await readdir(path)).filter((name) => {
    const extension = extname(name).toLowerCase();
    return pictures.has(extension) || raws.has(extension) || arrays.has(extension);
  });
  if (names.length > 0) return names.sort().map((name) => join(path, name));
  throw new CodedError("FILE_NOT_FOUND", `${path}: no picture, .npy, .npz, .bin or .raw in it`, {
    path,
  });
}

/**
 * Reads one request.
 *
 * @param signature what the model takes; a file that holds one tensor is for its only input
 * @param how pictures become tensors; `undefined`: stretched to the input's size, 0 to 1
 * @throws FILE_NOT_FOUND, IMAGE_INVALID, TENSOR_MALFORMED, TENSOR_TYPE_MISMATCH,
 * TENSOR_SHAPE_MISMATCH, USAGE_INVALID
 */
export async function readInput(
  path: string,
  signature: readonly TensorSignature[],
  how: Preprocessing | undefined,
  terminal: Terminal,
): Promise<InputFile> {
  const bytes = await readBytes(path, terminal);
  const name = path === "-" ? "-" : basename(path);
  const extension = extname(path).toLowerCase();
  if (extension === ".npz" || (path === "-" && !isNpy(bytes))) {
    return { name, values: readNpz(bytes, path) };
  }
  const only = onlyInput(signature, path);
  return { name, values: { [only.name]: await readOne(bytes, extension, only, how, path) } };
}

async function readOne(
  bytes: Uint8Array<ArrayBuffer>,
  extension: string,
  signature: TensorSignature,
  how: Preprocessing | undefined,
  path: string,
): Promise<TensorValue> {
  if (extension === ".npy" || extension === "") return readNpy(bytes, path);
  if (pictures.has(extension)) return readImage(bytes, how ?? preprocessingFor(signature), path);
  if (raws.has(extension)) return readRaw(bytes, signature, path);
  throw new CodedError(
    "USAGE_INVALID",
    `${path}: inputs are .npy, .npz, .bin or .raw, or pictures (${[...pictures].join(", ")})`,
  );
}

/** @throws FILE_NOT_FOUND, USAGE_INVALID */
export async function loadPreprocessing(
  path: string | undefined,
  terminal: Terminal,
): Promise<Preprocessing | undefined> {
  return path === undefined ? undefined : readPreprocessing(await readText(path, terminal), path);
}

/** Without a file, what the input's own type and shape say. */
function preprocessingFor({ dataType, shape }: TensorSignature): Preprocessing {
  const [, second, third, fourth] = shape;
  const layout = fourth === 1 || fourth === 3 ? "NHWC" : "NCHW";
  const [rows, columns] = layout === "NHWC" ? [second, third] : [third, fourth];
  const channels = layout === "NHWC" ? fourth : second;
  return {
    ...defaultPreprocessing,
    size: typeof rows === "number" && typeof columns === "number" ? [rows, columns] : null,
    channels: channels === 1 ? "grey" : "RGB",
    layout,
    dataType: dataType === "uint8" ? "uint8" : "float32",
  };
}

/** Raw bytes have no shape: the model's, of which one dimension may be open. */
function readRaw(
  bytes: Uint8Array<ArrayBuffer>,
  { name, dataType, shape }: TensorSignature,
  path: string,
): TensorValue {
  const open = shape.filter((size) => typeof size === "string");
  const known = elementCount(shape.filter((size) => typeof size === "number"));
  const count = bytes.length / (known * (bytesPerElement(dataType) ?? Number.NaN));
  if (open.length > 1 || !Number.isInteger(count) || (open.length === 0 && count !== 1)) {
    throw new CodedError(
      "TENSOR_SHAPE_MISMATCH",
      `${path} has ${bytes.length} bytes, which do not fill input '${name}': ${dataType} [${shape.join(", ")}]${open.length > 1 ? "; write an .npy file, which carries its shape" : ""}`,
      { tensor: name, bytes: bytes.length },
    );
  }
  return {
    dataType,
    shape: shape.map((size) => (typeof size === "string" ? count : size)),
    data: bytes,
  };
}

function onlyInput(signature: readonly TensorSignature[], path: string): TensorSignature {
  const [only, ...others] = signature;
  if (only !== undefined && others.length === 0) return only;
  throw new CodedError(
    "USAGE_INVALID",
    `${path} holds one tensor, the model has ${signature.length} inputs (${signature.map(({ name }) => name).join(", ")}); give an .npz file with one array for each`,
  );
}
