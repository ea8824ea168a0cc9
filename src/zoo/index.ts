/** What users import as `partita/zoo`. */
export { drawGraph } from "./graph.ts";
export { buildZoo, zoo, zooNames } from "./zoo.ts";
