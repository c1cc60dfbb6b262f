import { openLog } from '../../../src/config/log.ts'
import { readSetup } from '../../../src/config.ts'
import { joinEdges } from '../../../src/dependencies.ts'
import { startRedis } from '../../../src/main/start-redis.ts'
import { connect } from '../../../src/redis/connections.ts'
import { bullQueue } from '../../../src/redis/job-queue.ts'
import { redisOutbox } from '../../../src/redis/outbox.ts'
import { startWorkers } from '../../../src/redis/queue-workers.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { endsUnderWay } from '../../../workers/ends-in-progress.ts'
import { relayOutbox } from '../../../workers/relay-outbox.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'

/** A worker process made of Latchkey's parts that runs only a few jobs at once, so that it waits for AWS and processors stay idle. */
const setup = readSetup(process.env, 'workers')
const { redisUrl } = setup.config
const log = openLog(setup.config, 'bench')
const redis = await startRedis(setup.config, log)
const [shared, relayed] = [connect(redisUrl, 'worker', log), connect(redisUrl, 'worker', log)]
const deps = { ...joinEdges(setup, 'workers', redis, log), ends: endsUnderWay(), log }
const queue = bullQueue(shared, { log })
const relay = relayOutbox({ outbox: redisOutbox(relayed, { log }), queue, log })
const workers = startWorkers(shared, {
  handlers: {
    activate: ({ recordId }) => activateGrant(deps, recordId),
    revoke: ({ recordId }) => revokeGrant(deps, recordId),
    // The requests of this bench have no messages.
    cards: async () => ({}),
  },
  concurrency: Number(process.env.JOBS_AT_ONCE),
  log,
})

process.send?.('ready')
process.on('SIGTERM', async () => {
  await Promise.all([relay.stop(), workers.close()])
  process.exit(0)
})
