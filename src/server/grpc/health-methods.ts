import type { Clock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import type { InferenceService } from "../oip/inference-service.ts";
import { type Health, HealthCheckResponse_ServingStatus as Status } from "./generated/health_pb.ts";
import { GRPCInferenceService } from "./generated/inference_pb.ts";
import type { ServiceMethods } from "./service-methods.ts";

/** How late who watches may hear of a change. */
const watchSeconds = seconds(1);

/**
 * gRPC's own health checks: of the server, under no name or the one of the inference service, and of a
 * model under its name.
 */
export function healthMethods(
  service: InferenceService,
  clock: Clock,
): ServiceMethods<typeof Health> {
  const check = (name: string): Status => {
    const isServer = name === "" || name === GRPCInferenceService.typeName;
    if (isServer) return service.isReady ? Status.SERVING : Status.NOT_SERVING;
    const isModel = service.repository.index().some((entry) => entry.name === name);
    if (!isModel) return Status.SERVICE_UNKNOWN;
    return service.isModelReady(name) ? Status.SERVING : Status.NOT_SERVING;
  };
  return {
    check: ({ service: name }) => {
      const status = check(name);
      if (status !== Status.SERVICE_UNKNOWN) return { status };
      throw new CodedError("MODEL_UNKNOWN", `there is no service and no model '${name}'`, {
        model: name,
      });
    },
    watch: async function* ({ service: name }, { signal }) {
      let last: Status | null = null;
      while (!signal.aborted) {
        const status = check(name);
        if (status !== last) yield { status };
        last = status;
        await clock.sleep(watchSeconds, signal);
      }
    },
  };
}
