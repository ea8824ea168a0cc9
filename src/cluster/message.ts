/**
 * What agents, coordinator and clients say to each other, as types. Eight kinds of channel:
 *
 * - control, dialled by the agent: `join`, `welcome`, then parts, deployment and heartbeats;
 * - hop, between two devices that exchange tensors: `attach`, `attached`, then tensors both ways;
 * - gateway, between a device and the source's agent, where requests live: what begins and what is
 *   settled one way; answers, reports and failures the other way;
 * - client, dialled by a program that asks: `open`, `opened`, then requests and answers;
 * - tunnel, dialled to the coordinator by two agents that cannot dial each other: `tunnel`,
 *   `tunnelled`, then what a hop or gateway channel carries;
 * - watch, dialled to the coordinator by a program that looks on: `watch`, then `status` and `event`;
 * - survey and task, dialled to the coordinator by a program that asks something of a device.
 *
 * Every message may come twice, and late: generations, offsets and request numbers say what is new.
 *
 * @module
 */
import type { ControlMessage } from "./control-message.ts";
import type { DataMessage } from "./data-message.ts";
import type { ProgramMessage } from "./program-message.ts";
import type { ClusterEvent, ClusterStatus } from "./status.ts";

/** Whoever accepts a channel refuses another version than its own. */
export const protocolVersion = 6;

/** The first message of a program that looks on. */
export interface Watch {
  readonly type: "watch";
  readonly protocol: number;
  readonly token: string;
}

/** How things stand, for whoever watches: see status.ts. */
export interface StatusMessage {
  readonly type: "status";
  readonly body: { readonly status: ClusterStatus };
}

/** What has happened. */
export interface EventMessage {
  readonly type: "event";
  readonly body: { readonly event: ClusterEvent };
}

export type WatchMessage = Watch | StatusMessage | EventMessage;

export type Message = ControlMessage | DataMessage | ProgramMessage | WatchMessage;
