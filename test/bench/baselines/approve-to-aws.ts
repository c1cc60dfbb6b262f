import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { Queue, Worker } from 'bullmq'
import { fastify } from 'fastify'
import { Redis } from 'ioredis'

/** An approval as a queue's introduction shows it: POST → queue.add → worker → AssumeRole, in two processes. It authenticates nobody and records nothing. */
const NAME = 'baseline-approvals'
const { REDIS_URL = '', PORT, ROLE_ARN, REQUESTER } = process.env
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null })

async function startWeb(): Promise<void> {
  const queue = new Queue(NAME, { connection })
  const app = fastify()
  app.post('/approvals/:id', async (request, reply) => {
    await queue.add('approve', request.params, { removeOnComplete: true })
    return reply.code(202).send()
  })
  await app.listen({ port: Number(PORT), host: '127.0.0.1' })
}

async function startWorker(): Promise<void> {
  const sts = new STSClient({ maxAttempts: 3 })
  const worker = new Worker(
    NAME,
    async ({ data }) => {
      const who = { RoleSessionName: data.id, SourceIdentity: REQUESTER }
      await sts.send(new AssumeRoleCommand({ RoleArn: ROLE_ARN, DurationSeconds: 2_700, ...who }))
    },
    { connection, concurrency: 20 },
  )
  await worker.waitUntilReady()
}

await (process.argv[2] === 'worker' ? startWorker() : startWeb())
process.send?.('ready')
process.on('SIGTERM', () => process.exit(0))
