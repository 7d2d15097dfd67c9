import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Restorations } from './restorations.js';
import type { Ticket } from './ticket.js';

/** Seconds: a small picture with an embedded model takes 0.1, a large one with a large model minutes. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** What Prometheus is told: of restorations, requests, and of the process (memory, delay of the event loop). */
export class Metrics {
  readonly registry = new Registry();
  private readonly restorations: Counter<'state'>;
  private readonly seconds: Histogram;
  private readonly requests: Counter<'method' | 'route' | 'status'>;

  constructor(queue: () => Pick<Restorations, 'waiting' | 'running' | 'known'>) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    const gauge = (name: string, help: string, read: () => number): void =>
      void new Gauge({
        ...{ name, help, registers },
        collect() {
          this.set(read());
        },
      });
    gauge('latino_queue_waiting', 'Restorations that wait', () => queue().waiting);
    gauge('latino_queue_running', 'Restorations that run', () => queue().running);
    gauge('latino_restorations_kept', 'Restorations that are known, ended ones included', () => queue().known);
    this.restorations = new Counter({
      name: 'latino_restorations_total',
      help: 'Restorations that have ended',
      labelNames: ['state'],
      registers,
    });
    this.seconds = new Histogram({
      name: 'latino_restoration_seconds',
      help: 'Seconds that restorations ran',
      buckets: BUCKETS,
      registers,
    });
    this.requests = new Counter({
      ...{ name: 'latino_http_requests_total', help: 'Requests that were answered', registers },
      labelNames: ['method', 'route', 'status'],
    });
    for (const state of ['done', 'failed', 'stopped']) this.restorations.inc({ state }, 0);
  }

  count({ state, seconds }: Ticket): void {
    this.restorations.inc({ state });
    if (seconds !== undefined) this.seconds.observe(seconds);
  }

  watch(app: FastifyInstance): void {
    app.addHook('onResponse', async ({ method, routeOptions }, { statusCode }) =>
      this.requests.inc({ method, route: routeOptions.url ?? 'unknown', status: statusCode }),
    );
  }
}
