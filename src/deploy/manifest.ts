import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { CodedError } from "../base/errors.ts";

/** A Kubernetes object, as it is written. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
}

/** A part of one. */
export type Fields = Readonly<Record<string, unknown>>;

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels: Labels;
  readonly annotations?: Labels;
}

export type Labels = Readonly<Record<string, string>>;

/** Says of a machine which device it is, and of an agent's pod which one it runs. */
export const deviceLabel = "partita.dev/device";

/** Of pods that may dial coordinator and agents, such as one that runs `partita run`. */
export const clientLabels: Labels = { "partita.dev/client": "true" };

/** What the pods of a component are found by. */
export function labelsOf(component: string): Labels {
  return { "app.kubernetes.io/name": "partita", "app.kubernetes.io/component": component };
}

export function metadataOf(
  name: string,
  component: string,
  { namespace, version }: { readonly namespace: string; readonly version: string },
): Metadata {
  const managed = {
    "app.kubernetes.io/managed-by": "partita",
    "app.kubernetes.io/version": labelValue(version),
  };
  return { name, namespace, labels: { ...labelsOf(component), ...managed } };
}

/** Room for prefixes, the number of a pod and the hash of a revision: 63 characters in all. */
const longestName = 32;

/**
 * A name that Kubernetes takes for objects, of lower-case letters, digits and hyphens. Where that
 * is not the text itself a part of its hash tells names apart that would look the same.
 */
export function objectName(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, longestName)
    .replace(/^-+|-+$/g, "");
  if (plain === text) return plain;
  const parts = [plain, sha256Of(text).slice(0, 6)].filter((part) => part !== "");
  return parts.join("-");
}

/** The text as the value of a label, itself where that is allowed. */
export function labelValue(text: string): string {
  return /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/.test(text) ? text : objectName(text);
}

/** SHA-256 in hexadecimal digits. */
export function sha256Of(text: string): string {
  return bytesToHex(sha256(new TextEncoder().encode(text)));
}

/** @throws USAGE_INVALID for a name that Kubernetes would refuse */
export function checkNamespace(name: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return name;
  throw new CodedError(
    "USAGE_INVALID",
    `"${name}" is no namespace of Kubernetes; write up to 63 lower-case letters, digits and hyphens, for instance partita`,
    { name },
  );
}
