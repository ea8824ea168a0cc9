import type { FastifyInstance, FastifyReply } from "fastify";
import type { Exposition, Metrics } from "./metrics.node.ts";

/**
 * Adds to a server:
 *
 * - `GET /metrics`: what Prometheus collects;
 * - `GET /metrics/triton`: requests under the names that Triton Inference Server gives them.
 */
export function metricsRoutes(metrics: Metrics): (app: FastifyInstance) => void {
  return (app) => {
    app.get("/metrics", async (_, reply) => send(reply, await metrics.page()));
    app.get("/metrics/triton", async (_, reply) => send(reply, await metrics.tritonPage()));
  };
}

function send(reply: FastifyReply, { contentType, text }: Exposition): FastifyReply {
  return reply.header("content-type", contentType).header("cache-control", "no-store").send(text);
}
