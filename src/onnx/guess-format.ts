/**
 * Names what a file that is no ONNX model probably is, for the error message.
 *
 * @module
 */

const signatures: readonly {
  readonly offset: number;
  readonly text: string;
  readonly name: string;
}[] = [
  { offset: 0, text: "GIF8", name: "a GIF image" },
  { offset: 0, text: "\x1f\x8b", name: "a gzip archive (unpack it first)" },
  { offset: 0, text: "<!DOCTYPE", name: "a web page (a download that failed?)" },
  { offset: 0, text: "<html", name: "a web page (a download that failed?)" },
  { offset: 1, text: "HDF", name: "an HDF5 file (a Keras model? convert it with tf2onnx)" },
  { offset: 0, text: "\xff\xd8\xff", name: "a JPEG image" },
  { offset: 1, text: "PNG", name: "a PNG image" },
  { offset: 4, text: "TFL3", name: "a TensorFlow Lite model (convert it with tf2onnx)" },
  { offset: 0, text: "version https://git-lfs", name: "a Git LFS pointer (run git lfs pull)" },
  { offset: 0, text: "PK\x03\x04", name: "a zip archive (a PyTorch checkpoint? use torch.onnx)" },
];

/** What the first bytes look like; `null` if nothing known. */
export function guessFormat(bytes: Uint8Array): string | null {
  const head = String.fromCharCode(...bytes.subarray(0, 256));
  const found = signatures.find(({ offset, text }) => head.startsWith(text, offset));
  if (found !== undefined) return found.name;
  const printable = [...head].every((character) => /[\t\n\r -~]/.test(character));
  return printable ? "a text file" : null;
}
