/** What users import as `partita/zoo`. */
export { buildZoo, zoo, zooNames } from "./zoo.ts";
