import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { LatchkeyError } from '../errors.ts'
import { isSameSecret } from '../mac.ts'
import type { Rules } from '../rules/rules.ts'
import { RECONCILED_ACCOUNTS } from '../store/indexes.ts'
import type { RecordPort } from '../store/record-store.ts'

export interface HttpMetrics {
  readonly registry: Registry
  /** Counts a refusal of an unknown caller. Such refusals are never stored. */
  refusedUnknown(): void
}

export function httpMetrics(): HttpMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const refused = new Counter({
    name: 'latchkey_refused_before_authentication_total',
    help: 'Calls refused because nobody known made them',
    registers: [registry],
  })
  return { registry, refusedUnknown: () => refused.inc() }
}

function measureAnswers(app: FastifyInstance, registry: Registry): void {
  const seconds = new Histogram({
    name: 'latchkey_http_answer_seconds',
    help: 'From the first byte of a request to the last byte of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 3, 10],
    registers: [registry],
  })
  app.addHook('onResponse', async (request, reply) => {
    const labels = { method: request.method, route: request.routeOptions.url ?? 'none', status: reply.statusCode }
    seconds.observe(labels, reply.elapsedTime / 1000)
  })
}

/** Seconds since an AWS account was last reconciled without an error; `+Inf`: never. */
export function measureReconciler(
  { registry }: HttpMetrics,
  record: Pick<RecordPort, 'now' | 'scores'>,
  accounts: Rules['accounts'],
): void {
  new Gauge({
    name: 'latchkey_reconcile_age_seconds',
    help: 'Since the last whole round of the reconciler over the account',
    labelNames: ['account'],
    registers: [registry],
    async collect() {
      const [nowMs, lastAt] = await Promise.all([
        record.now(),
        record.scores(RECONCILED_ACCOUNTS.kind, RECONCILED_ACCOUNTS.value),
      ])
      this.reset()
      for (const account of accounts.keys()) {
        const at = lastAt.get(account)
        this.set({ account }, at === undefined ? Number.POSITIVE_INFINITY : (nowMs - at) / 1000)
      }
    },
  })
}

/** Without a configured token there is no such route. */
export function metricsRoute(app: FastifyInstance, metrics: HttpMetrics, token: string | undefined): void {
  measureAnswers(app, metrics.registry)
  if (token === undefined) return
  app.get('/metrics', async (request, reply) => {
    if (!isSameSecret(request.headers.authorization ?? '', `Bearer ${token}`)) {
      metrics.refusedUnknown()
      throw new LatchkeyError('NOT_SIGNED_IN', {})
    }
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics())
  })
}
