/**
 * What programs ask of single devices, through the coordinator: how a link is, or a task. For a task
 * the device dials the coordinator, which passes on each frame from then on, so that nothing of it
 * lies with the coordinator or in the way of control messages.
 *
 * @module
 */
import type { OptimisationLevel } from "../cost/profile.ts";
import type { BlobReference } from "./control-message.ts";
import type { Greeting } from "./greeting.ts";

/** The first message of a program that asks how a link is; `probed` is the answer, and the end. */
export interface Survey extends Greeting {
  readonly type: "survey";
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
}

/** The first message of a program that has a task for a device. */
export interface Task extends Greeting {
  readonly type: "task";
  readonly device: string;
}

/** On the control channel: somebody has a task for this agent, which is to dial for it. */
export interface Summon {
  readonly type: "summon";
  readonly task: number;
}

/** The first message of an agent that was summoned. */
export interface Take extends Greeting {
  readonly type: "take";
  readonly device: string;
  readonly task: number;
}

/** Program and device have met. */
export interface Taken {
  readonly type: "taken";
}

/** The program's order: what a model costs on the device. Its bytes follow as blobs are wanted. */
export interface ProfileOrder {
  readonly type: "profile";
  /** An ONNX file, optimised already. */
  readonly model: BlobReference;
  /** What measuring it takes, as the program estimates. */
  readonly memoryBytes: number;
  /** What this kind of device is to be called. */
  readonly kind: string;
  readonly level: OptimisationLevel;
  readonly threads: number;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Whether to measure codecs, too. */
  readonly codecs: boolean;
  /** After so long it is given up. */
  readonly limitSeconds: number;
  /** Whether to measure though the device runs stages, which both slows. */
  readonly force: boolean;
}

/** The device is at it. */
export interface Working {
  readonly type: "working";
  /** Since the order came. */
  readonly seconds: number;
}

/** The profile is there; its bytes follow. */
export interface Profiled {
  readonly type: "profiled";
  /** JSON. */
  readonly profile: BlobReference;
}

export type ProgramMessage =
  | ProfileOrder
  | Profiled
  | Summon
  | Survey
  | Take
  | Taken
  | Task
  | Working;
