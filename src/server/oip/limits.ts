import { CodedError } from "../../base/errors.ts";

/** How fast a client has to send a request, and to take the answer. */
export interface Pace {
  /** For one of any size. */
  readonly transferSeconds: number;
  /** And a second more for each so many bytes. */
  readonly leastBytesPerSecond: number;
}

/** What one client may cost a server, whichever protocol it speaks. */
export interface RequestLimits extends Pace {
  /** Of one request: both as it is sent and as it is when it is no longer compressed. */
  readonly bodyBytes: number;
  /** Of all requests that are being read or answered, and of the answers that clients have not taken. */
  readonly heldBytes: number;
  /** How long it may take to send the head of a request over HTTP. */
  readonly headSeconds: number;
  /** How long it may send nothing of the request, or take nothing of the answer, over HTTP. */
  readonly stallSeconds: number;
  /** Inputs, and as many outputs, of one request. */
  readonly tensors: number;
  /** Of JSON, which takes many times its size when it is read. */
  readonly jsonBytes: number;
  /** Of all outputs that are written as JSON. */
  readonly jsonElements: number;
  /** How deep arrays and objects of JSON lie in one another. */
  readonly jsonDepth: number;
  /** Of all headers of an HTTP request. */
  readonly headerBytes: number;
}

export const defaultLimits: RequestLimits = {
  bodyBytes: 64 * 2 ** 20,
  heldBytes: 512 * 2 ** 20,
  transferSeconds: 300,
  leastBytesPerSecond: 64 * 2 ** 10,
  headSeconds: 30,
  stallSeconds: 30,
  tensors: 1024,
  jsonBytes: 16 * 2 ** 20,
  jsonElements: 2 ** 22,
  jsonDepth: 72,
  headerBytes: 16 * 2 ** 10,
};

/** How long so many bytes may take. */
export function transferSecondsOf(
  bytes: number,
  { transferSeconds, leastBytesPerSecond }: Pace,
): number {
  return transferSeconds + bytes / leastBytesPerSecond;
}

/** @throws REQUEST_TOO_LARGE */
export function checkCount(what: "inputs" | "outputs", count: number, limits: RequestLimits): void {
  if (count <= limits.tensors) return;
  throw new CodedError(
    "REQUEST_TOO_LARGE",
    `the request names ${count} ${what}; this server takes at most ${limits.tensors}`,
    { count, limit: limits.tensors },
  );
}
