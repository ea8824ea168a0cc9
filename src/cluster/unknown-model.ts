import { CodedError } from "../base/errors.ts";

/** Somebody wants a model that does not run where they ask. */
export function unknownModel(
  model: string | undefined,
  models: readonly string[],
  where: string,
): CodedError {
  return new CodedError(
    "MODEL_UNKNOWN",
    `there is no model '${model}' at ${where} (models: ${models.join(", ") || "none"})`,
    { model, models },
  );
}
