import { seconds } from "../../base/units.ts";
import { dialClient } from "../../cluster/client-line.ts";
import { protocolVersion } from "../../cluster/greeting.ts";
import { encodeMessage, tensorFrame } from "../../cluster/protocol.ts";
import { bytesPerElement, elementCount, type TensorType } from "../../graph/tensor-value.ts";
import type { Channel } from "../../transport/transport.ts";
import type { Machine } from "../network/machine.ts";
import { coordinatorAddress, token } from "./hosts.ts";

/** More than are taken at once. */
const questions = 40;
/** Whoever it asks is to be rid of it long before. */
const pausedSeconds = seconds(2);

/** A program that asks a lot at once and reads nothing of what it is answered. */
export class MuteProgram {
  readonly #machine: Machine;
  readonly #input: TensorType;
  #channel: Channel | null = null;

  /** @param input of the graph's only input, `x` */
  constructor(machine: Machine, input: TensorType) {
    this.#machine = machine;
    this.#input = input;
  }

  async ask(): Promise<void> {
    const { transport, clock } = this.#machine;
    let address = "";
    const { dataType, shape } = this.#input;
    const bytes = (bytesPerElement(dataType) ?? 1) * elementCount(shape);
    const dialling = { transport, clock, token };
    try {
      const line = await dialClient(dialling, [coordinatorAddress], ([elsewhere]) => {
        address = elsewhere ?? "";
      });
      await line.close();
      const channel = await transport.connect(address);
      this.#channel = channel;
      await channel.send(encodeMessage({ type: "open", protocol: protocolVersion, token }));
      for (let request = 1; request <= questions; request++) {
        const value = { ...this.#input, data: new Uint8Array(bytes).fill(request) };
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
