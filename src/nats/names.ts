/**
 * What everything is called on a NATS server: the cluster's name stands in each bucket and subject,
 * the model's in each key and subject that belongs to one.
 *
 * @module
 */

export interface Names {
  /** Of small values: who leads, journals, models. */
  readonly state: string;
  /** Of whoever says that it is there, forgotten by itself. */
  readonly members: string;
  /** Of parts, by their SHA-256. */
  readonly parts: string;
  /** The stream of requests that are to be answered. */
  readonly requests: string;
  /** Of answers that have not been taken. */
  readonly answers: string;
  /** Of inputs and outputs that no message holds. */
  readonly bodies: string;
  /** The subjects of all requests. */
  readonly requestSubjects: string;
  /** The streams that NATS keeps answers and bodies in. */
  readonly answerStream: string;
  readonly bodyStream: string;
}

export function namesOf(cluster: string): Names {
  const prefix = `partita-${cluster}`;
  return {
    state: prefix,
    members: `${prefix}-members`,
    parts: `${prefix}-parts`,
    requests: `${prefix}-requests`,
    answers: `${prefix}-answers`,
    bodies: `${prefix}-bodies`,
    requestSubjects: `partita.${cluster}.requests.*`,
    answerStream: `KV_${prefix}-answers`,
    bodyStream: `OBJ_${prefix}-bodies`,
  };
}

/** The key under which it stands who leads. */
export const leaderKey = "leader";

/** The key of what makes a cluster's token marks unlike those of any other. */
export const saltKey = "salt";

export function journalKey(model: string): string {
  return `journal.${wordOf(model)}`;
}

/** The key of devices whose names are to be freed. */
export const forgetKey = "forget";

/** The keys of all models. */
export const everyModelKey = "model.*";

export function modelKey(model: string): string {
  return `model.${wordOf(model)}`;
}

export function answerKey(model: string, id: string): string {
  return `${wordOf(model)}.${wordOf(id)}`;
}

export function requestSubject(cluster: string, model: string): string {
  return `partita.${cluster}.requests.${wordOf(model)}`;
}

/** Of those who answer requests for a model; they share them. */
export function consumerName(model: string): string {
  // A consumer's name may hold no `=`.
  return `bridge-${wordOf(model).replace("=", "_")}`;
}

/**
 * Any text as one word of a subject or key; different texts give different words. What is a word
 * already stays as it is, anything else is written in hexadecimal digits behind a `=`.
 */
export function wordOf(text: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(text)) return text;
  const digits = [...new TextEncoder().encode(text)].map((byte) =>
    byte.toString(16).padStart(2, "0"),
  );
  return `=${digits.join("")}`;
}
