/**
 * Parameters of the protocol that mean the same over HTTP and gRPC. Those that are not known are
 * passed over, as the protocol wants it.
 *
 * @module
 */
import { CodedError } from "../../base/errors.ts";

export type Parameters = Readonly<Record<string, string | number | boolean>>;

/** Without what they ask for, the answer would be another one than the client expects. */
const notOffered: Readonly<Record<string, string>> = {
  classification: "ask for the output itself",
  shared_memory_region: "send tensors with the request",
};

/**
 * @param of whose they are, for messages
 * @throws REQUEST_INVALID if they ask for what is not offered
 */
export function checkParameters(of: string, parameters: Parameters): void {
  for (const [name, instead] of Object.entries(notOffered)) {
    if (!Object.hasOwn(parameters, name)) continue;
    throw new CodedError(
      "REQUEST_INVALID",
      `${of} has the parameter ${name}, which this server does not offer: ${instead}`,
      { parameter: name },
    );
  }
}

/**
 * The parameter `timeout`, which is in microseconds; 0 is none.
 *
 * @returns `null` if there is none
 * @throws REQUEST_INVALID
 */
export function timeoutSeconds(parameters: Parameters): number | null {
  const { timeout = 0 } = parameters;
  if (typeof timeout === "number" && Number.isSafeInteger(timeout) && timeout >= 0) {
    return timeout === 0 ? null : timeout * 1e-6;
  }
  throw new CodedError(
    "REQUEST_INVALID",
    `parameter timeout is '${timeout}'; it needs whole microseconds from 0 on`,
    { parameter: "timeout" },
  );
}

/**
 * Checks what loading a model is asked to do besides.
 *
 * @throws REQUEST_INVALID if that is anything
 */
export function checkLoadParameters(parameters: Readonly<Record<string, unknown>>): void {
  const [parameter] = Object.keys(parameters);
  if (parameter === undefined) return;
  throw new CodedError(
    "REQUEST_INVALID",
    `loading takes no parameter '${parameter.slice(0, 60)}' here: a model is what the server was given`,
    { parameter },
  );
}
