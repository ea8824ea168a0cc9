/** What users import as `partita/onnx`. */
export { extractPart } from "./extract.ts";
export { toGraph } from "./graph.ts";
export type { OnnxModel } from "./model.ts";
export { nameNodes } from "./names.ts";
export { readOnnx } from "./read.ts";
export { extractTile, type TilePart } from "./tile.ts";
export { extractTiles, type Tiling } from "./tiles.ts";
export { encodeOnnx, encodeSkeleton } from "./write.ts";
