import type { Logger } from 'pino'
import { lapseRequest } from '../src/access-requests/lapse-request.ts'
import type { Setup } from '../src/config.ts'
import { joinEdges, openFeedDriftCheck, openMailer, openMessageSender } from '../src/dependencies.ts'
import { reconcileDueEntity } from '../src/grants/attach/reconcile-entity.ts'
import { checkEpoch, reconcileDueRole } from '../src/grants/recovery/epoch.ts'
import { sweepOccasion } from '../src/jobs/catalog.ts'
import { redisBudget } from '../src/redis/budget.ts'
import { type Connection, connect } from '../src/redis/connections.ts'
import { redisFeed } from '../src/redis/feed.ts'
import { redisFold } from '../src/redis/fold-writes.ts'
import { bullQueue } from '../src/redis/job-queue.ts'
import { redisOutbox } from '../src/redis/outbox.ts'
import { startWorkers } from '../src/redis/queue-workers.ts'
import { RECORD_ID } from '../src/store/ids.ts'
import { type ActivateDeps, activateGrant } from './activate-grant.ts'
import { deliverSecurityNotice } from './deliver-security-notice.ts'
import { endsUnderWay } from './ends-in-progress.ts'
import { foldS3Writes } from './fold-s3-writes.ts'
import { type Loop, startLoop } from './loop.ts'
import { feedProver } from './prove-feed.ts'
import { type ReconcileDeps, reconcileGrants } from './reconcile-grants.ts'
import { relayOutbox } from './relay-outbox.ts'
import { type RevokeDeps, revokeGrant } from './revoke-grant.ts'
import { sweepDue } from './sweep-due.ts'
import { forgetDue, type SyncDeps, syncMessages } from './sync-messages.ts'
import { watchFeed } from './watch-feed.ts'

const RECONCILE_EVERY_MS = 60_000
const MAX_JOBS = 20

type Deps = ActivateDeps & ReconcileDeps & RevokeDeps & SyncDeps

/**
 * Starts everything that workers do, in this order: epoch check, relay, sweeper, queues (`revoke` first), fold, feed
 * watch, reconciler. `stop` stops the loops and the queues, and then closes the Redis connections.
 */
export async function startWorkersPart(
  setup: Setup,
  redis: Connection,
  log: Logger,
): Promise<{ stop(): Promise<void> }> {
  const { redisUrl } = setup.config
  const shared = connect(redisUrl, 'worker', log)
  const relayed = connect(redisUrl, 'worker', log)
  const folded = connect(redisUrl, 'worker', log)
  const queue = bullQueue(shared, { log })
  const deps: Deps = {
    ...joinEdges(setup, 'workers', redis, log),
    channel: openMessageSender(setup.config, log),
    mailer: openMailer(setup.config, log),
    budget: redisBudget(redis),
    publicUrl: setup.config.publicUrl,
    ends: endsUnderWay(),
    queue,
    log,
  }
  await checkEpochOnce(deps)
  const relay = relayOutbox({ outbox: redisOutbox(relayed, { log }), queue, log })
  const sweeper = startSweeper(deps)
  const workers = startQueues(deps, shared)
  const feed = redisFeed(redis)
  const prove = feedProver({ feed, rules: setup.rules })
  const { record, approvalKey } = deps
  const fold = foldS3Writes({ record, approvalKey, inbox: redisFold(folded, redis, { log }), prove, log })
  const look = await openFeedDriftCheck(setup, deps.record, log)
  const watch = watchFeed({ record: deps.record, look, log })
  const reconciler = startLoop({
    name: 'reconcile',
    turn: () => reconcileGrants(deps),
    pauseMs: RECONCILE_EVERY_MS,
    log,
  })
  return {
    async stop() {
      await Promise.all([watch.stop(), reconciler.stop(), fold.stop(), sweeper.stop(), relay.stop(), workers.close()])
      await queue.close()
      for (const connection of [shared, relayed, folded, redis]) connection.disconnect()
    },
  }
}

/**
 * A failure does not stop the start, since grants that end on time need no AWS. Nothing is granted at a role until it
 * was checked, and each round of the reconciler tries again.
 */
async function checkEpochOnce(deps: Deps): Promise<void> {
  try {
    await checkEpoch(deps)
  } catch (error) {
    deps.log.error({ err: error }, 'the epoch could not be checked yet: nothing is granted until it is')
  }
}

function startSweeper(deps: Deps): Loop {
  const { record, queue, log } = deps
  return sweepDue({
    record,
    queue,
    log,
    revokeNow: async (grantId) => {
      await revokeGrant(deps, grantId)
    },
    lapse: (requestId) => lapseRequest(deps, requestId),
    keepRole: (id) => reconcileDueRole(deps, id),
    keepTarget: (grantId) => reconcileDueEntity(deps, grantId),
    deliverSecurityNotice: (noticeId) => deliverSecurityNotice(deps, noticeId),
    syncMessages: async (requestId) => {
      if (!RECORD_ID.test(requestId)) return await forgetDue(record, requestId)
      await queue.add([{ act: 'sync', recordId: requestId, occasion: sweepOccasion(await record.now()) }])
    },
  })
}

function startQueues(deps: Deps, connection: Connection): { close(): Promise<void> } {
  return startWorkers(connection, {
    handlers: {
      revoke: ({ recordId }) => revokeGrant(deps, recordId),
      activate: ({ recordId }) => activateGrant(deps, recordId),
      cards: ({ recordId }) => syncMessages(deps, recordId),
    },
    concurrency: MAX_JOBS,
    log: deps.log,
  })
}
