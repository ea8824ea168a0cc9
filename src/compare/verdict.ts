/**
 * What became of a published figure: `trivial` if it is reached, but by what proves nothing of
 * splitting: a plan that everything on one device all but equals, or one that sends no byte, of which
 * any ratio is reached.
 */
export type Verdict = "reproduced" | "trivial" | "not reproduced";

export const verdicts: readonly Verdict[] = ["reproduced", "trivial", "not reproduced"];

/** A plan that gains less than this over the best single device proves nothing of splitting. */
export const tellingGain = 0.1;

/** How to read `trivial`, in a sentence. */
export const trivialInWords: string = `*Trivial*: reached, but by a plan that gains less than ${100 * tellingGain} % over the best single device, or that sends nothing at all, so that any ratio is reached.`;
