import type { KvEntry } from "@nats-io/kv";
import { CodedError } from "../base/errors.ts";
import type { Opened } from "../cluster/data-message.ts";
import { decodeMessage, encodeMessage, malformed } from "../cluster/protocol.ts";
import { bucketKeys } from "./bucket-keys.ts";
import type { Engine } from "./engine.ts";
import { engineError } from "./engine-error.ts";
import { everyModelKey, modelKey } from "./names.ts";

/** A model whose requests are answered: what a gateway tells clients of it. */
export type AnnouncedModel = Omit<Opened, "type">;

/**
 * Says that requests for a model are answered, and for no other one: a cluster runs one model, and what
 * it ran before, under another name perhaps, may have ended without a word.
 *
 * @throws ENGINE_FULL, ENGINE_UNAVAILABLE
 */
export async function announceModel(
  engine: Engine,
  { model, inputs, outputs, emulated, window }: AnnouncedModel,
): Promise<void> {
  const said = { type: "opened", model, inputs, outputs, emulated, window } as const;
  try {
    await engine.state.put(modelKey(model), JSON.stringify(encodeMessage(said).header));
    for (const { key } of await announcements(engine)) {
      if (key !== modelKey(model)) await engine.state.delete(key);
    }
  } catch (error) {
    throw engineError(`the model '${model}' cannot be announced`, error);
  }
}

/** Requests for it are not answered any more. */
export async function retractModel({ state }: Engine, model: string): Promise<void> {
  // Where the engine is away, whoever asks waits for an answer instead.
  await state.delete(modelKey(model)).catch(() => undefined);
}

/**
 * A model that can be asked.
 *
 * @param name left out: the only one that there is
 * @throws MODEL_UNKNOWN, naming those that there are; MODEL_NOT_READY if there is none;
 * ENGINE_UNAVAILABLE
 */
export async function findModel(engine: Engine, name: string | undefined): Promise<AnnouncedModel> {
  const all = await announcedModels(engine);
  const found = name === undefined ? all : all.filter(({ model }) => model === name);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (all.length === 0) {
    const message = `nothing has been served yet in the cluster '${engine.cluster}'; ask again when its coordinator and agents run`;
    throw new CodedError("MODEL_NOT_READY", message);
  }
  const names = all.map(({ model }) => model).join(", ");
  const wanted = name === undefined ? "which model: there are several" : `no model '${name}'`;
  throw new CodedError("MODEL_UNKNOWN", `${wanted} (${names}); name one with --model NAME`);
}

/** @throws ENGINE_UNAVAILABLE */
async function announcedModels(engine: Engine): Promise<AnnouncedModel[]> {
  try {
    return (await announcements(engine)).map((entry) => parse(entry.json()));
  } catch (error) {
    throw engineError("the models cannot be listed", error);
  }
}

async function announcements({ manager, names, state }: Engine): Promise<KvEntry[]> {
  const keys = await bucketKeys(manager, names.state, everyModelKey);
  const entries = await Promise.all(keys.map((key) => state.get(key)));
  return entries.flatMap((entry) => (entry?.operation === "PUT" ? [entry] : []));
}

/** @throws FRAME_MALFORMED if another version has announced it */
function parse(header: { readonly type: string }): AnnouncedModel {
  const { message } = decodeMessage({ header, payload: new Uint8Array() });
  if (message.type === "opened") return message;
  throw malformed(`a message '${message.type}'`, "a model was expected");
}
