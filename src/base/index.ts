/** What users import as `partita/base`. */
export type { Clock } from "./clock.ts";
export { CodedError, type ErrorCode, errorTraits, isCoded } from "./errors.ts";
export { createRandom, type Random } from "./random.ts";
export { formatQuantity, parseQuantity } from "./units.ts";
