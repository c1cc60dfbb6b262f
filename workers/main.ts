import type { Logger } from 'pino'
import { lapseRequest } from '../src/access-requests/lapse-request.ts'
import type { Setup } from '../src/config.ts'
import { joinEdges, openChannel, openMailer, openWiringLook } from '../src/dependencies.ts'
import { keepDueTarget } from '../src/grants/attach/reconcile-entity.ts'
import { checkEpoch, keepDueRole } from '../src/grants/recovery/epoch.ts'
import { sweepOccasion } from '../src/jobs/catalog.ts'
import { redisBudget } from '../src/redis/budget.ts'
import { type Connection, connect } from '../src/redis/connections.ts'
import { redisFeed } from '../src/redis/feed.ts'
import { redisFold } from '../src/redis/fold-writes.ts'
import { bullQueue } from '../src/redis/job-queue.ts'
import { redisOutbox } from '../src/redis/outbox.ts'
import { startWorkers } from '../src/redis/queue-workers.ts'
import { RECORD_ID } from '../src/store/ids.ts'
import { type ActivateNeeds, activateGrant } from './activate-grant.ts'
import { tellSecurity } from './deliver-security-notice.ts'
import { endsUnderWay } from './ends-under-way.ts'
import { foldS3Writes } from './fold-s3-writes.ts'
import { type Loop, startLoop } from './loop.ts'
import { feedProver } from './prove-feed.ts'
import { type ReconcileNeeds, reconcileGrants } from './reconcile-grants.ts'
import { relayOutbox } from './relay-outbox.ts'
import { type RevokeNeeds, revokeGrant } from './revoke-grant.ts'
import { sweepDue } from './sweep-due.ts'
import { forgetDue, type SyncNeeds, syncCards } from './sync-messages.ts'
import { watchWiring } from './watch-feed.ts'

const RECONCILE_EVERY_MS = 60_000
const JOBS_AT_ONCE = 20

type Needs = ActivateNeeds & ReconcileNeeds & RevokeNeeds & SyncNeeds

/** Start order: epoch check → relay → sweeper → queues, `revoke` first → fold, reconcile. Stop: the other way round, Redis last. */
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
  const needs: Needs = {
    ...joinEdges(setup, 'workers', redis, log),
    channel: openChannel(setup.config, log),
    mailer: openMailer(setup.config, log),
    budget: redisBudget(redis),
    publicUrl: setup.config.publicUrl,
    ends: endsUnderWay(),
    queue,
    log,
  }
  await checkEpochOnce(needs)
  const relay = relayOutbox({ outbox: redisOutbox(relayed, { log }), queue, log })
  const sweeper = startSweeper(needs)
  const workers = startQueues(needs, shared)
  const feed = redisFeed(redis)
  const prove = feedProver({ feed, rules: setup.rules })
  const fold = foldS3Writes({ record: needs.record, inbox: redisFold(folded, redis, { log }), prove, log })
  const look = await openWiringLook(setup, needs.record, log)
  const wiring = watchWiring({ record: needs.record, look, log })
  const reconciler = startLoop({
    name: 'reconcile',
    turn: () => reconcileGrants(needs),
    pauseMs: RECONCILE_EVERY_MS,
    log,
  })
  return {
    async stop() {
      await Promise.all([wiring.stop(), reconciler.stop(), fold.stop(), sweeper.stop(), relay.stop(), workers.close()])
      await queue.close()
      for (const connection of [shared, relayed, folded, redis]) connection.disconnect()
    },
  }
}

/** Ends on time need no AWS, so they do not wait for it. Until a role was checked nothing is granted there, and each round tries again. */
async function checkEpochOnce(needs: Needs): Promise<void> {
  try {
    await checkEpoch(needs)
  } catch (error) {
    needs.log.error({ err: error }, 'the epoch could not be checked yet: nothing is granted until it is')
  }
}

function startSweeper(needs: Needs): Loop {
  const { record, queue, log } = needs
  return sweepDue({
    record,
    queue,
    log,
    revokeNow: async (grantId) => {
      await revokeGrant(needs, grantId)
    },
    lapse: (requestId) => lapseRequest(needs, requestId),
    keepRole: (id) => keepDueRole(needs, id),
    keepTarget: (grantId) => keepDueTarget(needs, grantId),
    tellSecurity: (noticeId) => tellSecurity(needs, noticeId),
    showCopies: async (requestId) => {
      if (!RECORD_ID.test(requestId)) return await forgetDue(record, requestId)
      await queue.add([{ act: 'sync', recordId: requestId, occasion: sweepOccasion(await record.now()) }])
    },
  })
}

function startQueues(needs: Needs, connection: Connection): { close(): Promise<void> } {
  return startWorkers(connection, {
    handlers: {
      revoke: ({ recordId }) => revokeGrant(needs, recordId),
      activate: ({ recordId }) => activateGrant(needs, recordId),
      cards: ({ recordId }) => syncCards(needs, recordId),
    },
    concurrency: JOBS_AT_ONCE,
    log: needs.log,
  })
}
