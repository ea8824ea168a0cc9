import type { Clock } from "../base/clock.ts";
import { discard } from "../base/discard.ts";
import { createRandom } from "../base/random.ts";
import { type Codec, type Codecs, openCodecs } from "../codec/codec.ts";
import { bytesPerElement, elementCount, type TensorValue } from "../graph/tensor-value.ts";
import { defaultLimits } from "../transport/transport.ts";
import type { TensorMessage } from "./data-message.ts";
import type { DeviceDeployment } from "./deployment.ts";
import { malformed, type Received } from "./protocol.ts";
import { RecentLeast } from "./recent-least.ts";

export interface CoderOptions {
  readonly clock: Clock;
  /** Processor seconds of this process so far, where the host tells them. */
  readonly processorSeconds?: (() => number) | undefined;
  /** The most that a tensor may have; `null`: what a frame can carry. */
  readonly memoryBytes: number | null;
}

/** A value that was coded or decoded. */
export interface Coded {
  readonly value: TensorValue;
  /** What that takes when nothing else disturbs it. */
  readonly seconds: number;
}

/** Codes what a device sends and decodes what it receives, where its deployment says so. */
export class Coder {
  readonly #codecs: Codecs;
  readonly #options: CoderOptions;
  /** Seconds a byte, by what was done. */
  readonly #least = new RecentLeast();

  private constructor(codecs: Codecs, options: CoderOptions) {
    this.#codecs = codecs;
    this.#options = options;
  }

  /** Makes the codecs ready that the deployment needs, and runs them until they have been compiled. */
  static async open(
    { forwards, receives }: DeviceDeployment,
    options: CoderOptions,
  ): Promise<Coder> {
    const names = new Set([...forwards, ...receives].flatMap(({ codec }) => codec ?? []));
    if (names.size === 0) return new Coder(new Map(), options);
    const codecs = await openCodecs();
    for (const name of names) warmUp(codecs.get(name));
    return new Coder(codecs, options);
  }

  /**
   * A value with coded bytes; it is left as it is.
   *
   * @param tensor its name, by which times are compared
   */
  encode(name: string, tensor: string, value: TensorValue): Coded {
    const codec = this.#find(name);
    const what = `encode ${name} ${tensor}`;
    return this.#timed(what, value, value.data.byteLength, () => codec.encode(value.data));
  }

  /**
   * The value that a tensor's frame carries in coded form; the payload is given back.
   *
   * @throws FRAME_MALFORMED if its bytes are not of this codec, or not of its type and shape
   */
  decode(name: string, { message, payload }: Received<TensorMessage>): Coded {
    const { tensor, dataType, shape, codec } = message;
    if (codec !== name) {
      throw malformed(`tensor '${tensor}'`, `its codec is ${codec ?? "none"}, expected ${name}`);
    }
    const bytes = (bytesPerElement(dataType) ?? Number.NaN) * elementCount(shape);
    const most = Math.min(this.#options.memoryBytes ?? Infinity, defaultLimits.payloadBytes);
    if (!(bytes <= most)) {
      const written = `${dataType} [${shape.join(", ")}]`;
      throw malformed(`tensor '${tensor}'`, `${written} does not fit into ${most} bytes`);
    }
    const found = this.#find(name);
    const what = `decode ${name} ${tensor}`;
    const decoded = this.#timed(what, { dataType, shape }, bytes, () =>
      found.decode(payload, bytes),
    );
    discard(payload);
    return decoded;
  }

  #find(name: string): Codec {
    const codec = this.#codecs.get(name);
    if (codec !== undefined) return codec;
    throw malformed(`a deployment with codec '${name}'`, "it is not known here");
  }

  #timed(
    what: string,
    { dataType, shape }: Omit<TensorValue, "data">,
    bytes: number,
    work: () => Uint8Array<ArrayBuffer>,
  ): Coded {
    const { clock, processorSeconds = () => clock.now() } = this.#options;
    const [wall, processor] = [clock.now(), processorSeconds()];
    const data = work();
    const seconds = Math.min(clock.now() - wall, processorSeconds() - processor);
    const size = Math.max(1, bytes);
    const least = this.#least.take(what, seconds / size) * size;
    return { value: { dataType, shape, data }, seconds: least };
  }
}

/** So often code runs before it is compiled for speed; some ten milliseconds. */
const warmUps = { runs: 8, floats: 1 << 15, seed: 1 } as const;

function warmUp(codec: Codec | undefined): void {
  if (codec === undefined) return;
  // As behind a ReLU: half zeros, half of what hardly becomes smaller, so that no code stays cold.
  const random = createRandom(warmUps.seed);
  const floats = Float32Array.from({ length: warmUps.floats }, () =>
    Math.max(0, random.next() - 0.5),
  );
  const sample = new Uint8Array(floats.buffer);
  for (let run = 0; run < warmUps.runs; run++) {
    codec.decode(codec.encode(sample), sample.byteLength);
  }
}
