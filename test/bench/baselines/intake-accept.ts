import { fastify } from 'fastify'
import { Redis } from 'ioredis'

/** A minimal intake: fastify with its own JSON parser and one awaited XADD per record. It checks no key and no schema and cuts nothing. */
const redis = new Redis(process.env.REDIS_URL ?? '')
const app = fastify()

app.post('/api/cloudtrail', async (request, reply) => {
  await redis.xadd('baseline:inbox', '*', 'record', JSON.stringify(request.body))
  return reply.code(202).send()
})

await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
process.send?.('ready')
process.on('SIGTERM', () => process.exit(0))
