import { CodedError, messageOf } from "../../base/errors.ts";
import type { RequestLimits } from "./limits.ts";

/**
 * What a client's JSON says. Size and depth are checked before anything is made of it.
 *
 * @throws REQUEST_TOO_LARGE; REQUEST_INVALID if it is no JSON in UTF-8
 */
export function readJson(bytes: Uint8Array, limits: RequestLimits): unknown {
  const { jsonBytes, jsonDepth } = limits;
  if (bytes.byteLength > jsonBytes) {
    throw new CodedError(
      "REQUEST_TOO_LARGE",
      `the JSON of the request has ${bytes.byteLength} bytes, this server takes at most ${jsonBytes}; send tensors in binary form`,
      { bytes: bytes.byteLength, limit: jsonBytes },
    );
  }
  checkDepth(bytes, jsonDepth);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const reason = messageOf(error).slice(0, 200);
    throw new CodedError(
      "REQUEST_INVALID",
      `the request is no JSON in UTF-8 (${reason})${likelyCause(bytes)}`,
      {},
      error,
    );
  }
}

/** What clients get wrong most often. */
function likelyCause(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  if (/[[,:\s]-?(NaN|Infinity)\b/.test(text)) {
    return "; JSON has neither NaN nor infinity: send tensors that hold them in binary form";
  }
  if (/binary_data_size/.test(text)) {
    return "; where tensors stand behind the JSON, Inference-Header-Content-Length says how many bytes the JSON has";
  }
  return "";
}

const quote = 0x22;
const backslash = 0x5c;
const opening = new Set([0x5b, 0x7b]);
const closing = new Set([0x5d, 0x7d]);

/** @throws REQUEST_TOO_LARGE */
function checkDepth(bytes: Uint8Array, most: number): void {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < bytes.byteLength; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) isText = !isText;
    else if (isText) at += byte === backslash ? 1 : 0;
    else if (opening.has(byte)) depth++;
    else if (closing.has(byte)) depth--;
    if (depth <= most) continue;
    throw new CodedError(
      "REQUEST_TOO_LARGE",
      `the JSON of the request is nested deeper than ${most} levels at byte ${at}`,
      { at, limit: most },
    );
  }
}
