import type { WireError } from "../wire-error.ts";

/** What became of a request, for logs; its number is the same in those of all devices. */
export type RequestTrace =
  /** `isAgain`: it was asked before under its id, and is here or was answered already. */
  | {
      readonly type: "asked";
      readonly request: number;
      readonly id: string | null;
      readonly isAgain: boolean;
    }
  /** It goes into a generation. `joined`: with others, and devices know them by this number. */
  | {
      readonly type: "begun";
      readonly request: number;
      readonly generation: number;
      readonly joined?: number;
    }
  /** It goes into another generation than before, since a device or a link was lost. */
  | {
      readonly type: "replayed";
      readonly request: number;
      readonly generation: number;
      readonly joined?: number;
    }
  | {
      readonly type: "answered";
      readonly request: number;
      readonly generation: number;
      readonly waitSeconds: number;
      readonly totalSeconds: number;
      readonly joined?: number;
    }
  /**
   * It was joined with others and goes on by itself, under the number `as`: what they shared has failed,
   * or (`null`) is more than the plan that serves now joins.
   */
  | {
      readonly type: "parted";
      readonly request: number;
      readonly as: number;
      readonly error: WireError | null;
    }
  /** It has failed for a reason that may pass, and goes on under the number `as`. */
  | {
      readonly type: "retried";
      readonly request: number;
      readonly as: number;
      readonly error: WireError;
    }
  /** It has ended without an answer; `null`: nobody wants one any more. */
  | { readonly type: "unanswered"; readonly request: number; readonly error: WireError | null };
