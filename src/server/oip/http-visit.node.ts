import { setMaxListeners } from "node:events";
import type { Socket } from "node:net";
import type { FastifyReply } from "fastify";
import { CodedError } from "../../base/errors.ts";
import type { Admission } from "./admission.ts";
import type { Guest } from "./guest.ts";

/** A request over HTTP, from its head to the last byte of its answer. */
export interface Visit {
  readonly guest: Guest;
  /** Aborted when the client goes before it is answered. */
  readonly gone: AbortSignal;
}

/** The guest leaves with the last byte of the answer or with the connection; one that gives way loses it. */
export function receive(admission: Admission, { raw }: FastifyReply): Visit {
  const guest = admission.open();
  const gone = new AbortController();
  const { socket } = raw.req;
  const connection = endOf(socket);
  const end = () => {
    connection.removeEventListener("abort", end);
    raw.off("close", end);
    guest.leave();
    if (!raw.writableEnded) gone.abort(clientGone());
  };
  raw.once("close", end);
  connection.addEventListener("abort", end, { once: true });
  const cut = () => {
    // While the request still comes, whoever reads it tells the client.
    if (raw.req.complete) socket.destroy();
  };
  guest.displaced.addEventListener("abort", cut, { once: true });
  return { guest, gone: gone.signal };
}

/** Its answer is made, and waits for the client as soon as those before it on the connection are through. */
export function whenFirst({ raw }: FastifyReply, begin: () => void): void {
  // A connection serves one answer at a time; the others have none yet.
  if (raw.socket === null) raw.once("socket", begin);
  else begin();
}

/** The client has ended the connection. */
export function clientGone(): CodedError {
  return new CodedError("CHANNEL_CLOSED", "the client went before it was answered");
}

const ends = new WeakMap<Socket, AbortSignal>();

/** Aborted with the connection: answers that wait behind others of the same one never hear of it. */
function endOf(socket: Socket): AbortSignal {
  const known = ends.get(socket);
  if (known !== undefined) return known;
  const end = new AbortController();
  // A client may send many requests before the first is answered.
  setMaxListeners(0, end.signal);
  if (socket.destroyed) end.abort();
  else socket.once("close", () => end.abort());
  ends.set(socket, end.signal);
  return end.signal;
}
