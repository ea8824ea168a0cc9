/** How long each way is tried, in the order in which they are. */
export const patience = { direct: 2, dialledBack: 1.5, tunnel: 1.5, crossing: 0.5, all: 5 };
/** Between two rounds of all ways: at first, and at most. */
export const pauses = { least: 0.2, most: 2 };
/** A direct channel is tried again so often while there is only a tunnel. */
export const improveSeconds = 30;
/** Channels are numbered up to here; a side that is told a higher number begins anew. */
export const mostTurns: number = 2 ** 40;
/** What may wait for a device that is lost. */
export const lostLimitBytes: number = 1 << 26;
