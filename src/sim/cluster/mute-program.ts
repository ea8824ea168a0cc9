import { seconds } from "../../base/units.ts";
import { dialClient } from "../../cluster/client-line.ts";
import { protocolVersion } from "../../cluster/message.ts";
import { encodeMessage, tensorFrame } from "../../cluster/protocol.ts";
import type { Channel } from "../../transport/transport.ts";
import type { Machine } from "../network/machine.ts";
import { byteTensor } from "./digest-runtime.ts";
import { coordinatorAddress, inputBytes, token } from "./hosts.ts";

/** More than are taken at once. */
const questions = 40;
/** Whoever it asks is to be rid of it long before. */
const pausedSeconds = seconds(2);

/** A program that asks a lot at once and reads nothing of what it is answered. */
export class MuteProgram {
  readonly #machine: Machine;
  #channel: Channel | null = null;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  async ask(): Promise<void> {
    const { transport, clock } = this.#machine;
    let address = "";
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
        const value = byteTensor(new Uint8Array(inputBytes).fill(request));
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
