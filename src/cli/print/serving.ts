import type { Topology } from "../../cost/topology.ts";
import { remoteAddresses } from "../addresses.ts";
import type { Doors } from "../serving/doors.ts";
import type { Terminal } from "../terminal.ts";
import { withToken } from "./with-token.ts";

/** Where coordinator and agents meet. */
export interface MeetingPlace {
  readonly address: string;
  readonly token: string;
}

/** Where applications ask for models. */
export function printDoors(
  { http, grpc, metrics }: Omit<Doors, "drain">,
  models: readonly string[],
  place: MeetingPlace,
  terminal: Terminal,
): void {
  if (terminal.json) {
    terminal.line(JSON.stringify({ type: "listening", ...place, http, grpc, metrics, models }));
    return;
  }
  const { bold } = terminal.colours;
  terminal.line(`${bold("serving")} at ${http}, gRPC at ${grpc}`);
  for (const name of models) terminal.line(`  curl ${http}/v2/models/${name}`);
  terminal.line(`  curl ${metrics}/metrics`);
}

/**
 * What to start elsewhere, and how to look on.
 *
 * @param missing devices that are not here
 */
export function printInvitation(
  { address, token }: MeetingPlace,
  missing: Topology["devices"],
  terminal: Terminal,
): void {
  if (terminal.json) return;
  const [where = address] = remoteAddresses(address);
  if (missing.length > 0) {
    terminal.line("Start on each machine (an agent that runs already comes back by itself):");
  }
  for (const { name } of missing) {
    terminal.line(`  ${withToken(`agent --join ${where} --name ${name}`, token, terminal)}`);
  }
  terminal.line("To look on:");
  terminal.line(`  ${withToken(`status --to ${where}`, token, terminal)}`);
  terminal.line("Ctrl-C or SIGTERM: what was asked is answered, then it ends.");
}
