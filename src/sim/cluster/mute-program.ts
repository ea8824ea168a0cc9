import { seconds } from "../../base/units.ts";
import { dialClient } from "../../cluster/client-line.ts";
import { greet } from "../../cluster/greeting.ts";
import { encodeMessage, tensorFrame } from "../../cluster/protocol.ts";
import type { ModelKey } from "../../cluster/shared-listener.ts";
import { bytesPerElement, elementCount, type TensorType } from "../../graph/tensor-value.ts";
import type { Channel } from "../../transport/transport.ts";
import type { Machine } from "../network/machine.ts";
import { coordinatorAddress, token } from "./tenant.ts";

/** More than are taken at once. */
const questions = 40;
/** Whoever it asks is to be rid of it long before. */
const pausedSeconds = seconds(2);

export interface MuteProgramOptions {
  readonly machine: Machine;
  /** Of the graph's only input, `x`. */
  readonly input: TensorType;
  /** Whom it asks; `null`: who runs there. */
  readonly model: ModelKey;
}

/** A program that asks a lot at once and reads nothing of what it is answered. */
export class MuteProgram {
  readonly #options: MuteProgramOptions;
  #channel: Channel | null = null;

  constructor(options: MuteProgramOptions) {
    this.#options = options;
  }

  async ask(): Promise<void> {
    const { machine, input, model } = this.#options;
    const { transport, clock } = machine;
    let address = "";
    const bytes = (bytesPerElement(input.dataType) ?? 1) * elementCount(input.shape);
    const dialling = { transport, clock, token, ...(model === null ? {} : { model }) };
    try {
      const line = await dialClient(dialling, [coordinatorAddress], ([elsewhere]) => {
        address = elsewhere ?? "";
      });
      await line.close();
      const channel = await transport.connect(address);
      this.#channel = channel;
      await channel.send(encodeMessage({ type: "open", ...greet(dialling) }));
      for (let request = 1; request <= questions; request++) {
        const value = { ...input, data: new Uint8Array(bytes).fill(request) };
        const place = { generation: 0, request, tensor: "x" };
        await channel.send(tensorFrame(place, value));
        const ask = { type: "ask", request, id: null, deadlineSeconds: null } as const;
        await channel.send(encodeMessage(ask));
      }
      await clock.sleep(pausedSeconds);
    } catch {
      // Nobody took it, or they got rid of it.
    }
    await this.close();
  }

  async close(): Promise<void> {
    await this.#channel?.close();
  }
}
