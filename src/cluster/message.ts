/**
 * What agents, coordinator and clients say to each other, as types. Nine kinds of channel:
 *
 * - control, dialled by the agent: `join`, `welcome`, then parts, deployment and heartbeats;
 * - hop, between two devices that exchange tensors: `attach`, `attached`, then tensors both ways;
 * - gateway, between a device and the source's agent, where requests live: what begins and what is
 *   settled one way; answers, reports and failures the other way;
 * - client, dialled by a program that asks: `open`, `opened`, then requests and answers;
 * - tunnel, dialled to the coordinator by two agents that cannot dial each other: `tunnel`,
 *   `tunnelled`, then what a hop or gateway channel carries;
 * - watch, dialled to the coordinator by a program that looks on: `watch`, then `status` and `event`;
 * - models, dialled to the coordinator by a device or a program: `follow`, then `models` each time that
 *   they change, until `shutdown`;
 * - survey and task, dialled to the coordinator by a program that asks something of a device.
 *
 * One coordinator may run several models, each with channels of its own: a first message says whose it
 * is. Every message may come twice, and late: generations, offsets and request numbers say what is new.
 *
 * @module
 */
import type { ControlMessage } from "./control-message.ts";
import type { DataMessage } from "./data-message.ts";
import type { Greeting } from "./greeting.ts";
import type { ProgramMessage } from "./program-message.ts";
import type { ClusterEvent, ClusterStatus } from "./status.ts";

/** The first message of a program that looks on. */
export interface Watch extends Greeting {
  readonly type: "watch";
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

/** The first message of a device, or of a program, that wants to know what runs here. */
export interface Follow extends Greeting {
  readonly type: "follow";
}

/** What runs here now, and how often this side says something. */
export interface Models {
  readonly type: "models";
  /** `null`: one without a name, which whoever names no model means. */
  readonly models: readonly (string | null)[];
  readonly heartbeatSeconds: number;
  readonly missedHeartbeats: number;
}

export type WatchMessage = Watch | StatusMessage | EventMessage | Follow | Models;

export type Message = ControlMessage | DataMessage | ProgramMessage | WatchMessage;
