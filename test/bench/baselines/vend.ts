import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { fastify } from 'fastify'
import { Redis } from 'ioredis'
import { openLog } from '../../../src/config/log.ts'
import { readSetup } from '../../../src/config.ts'
import { openBearerVerifier } from '../../../src/dependencies.ts'

/** The same token check, then one constant answer (at once or after one round trip to Redis) or one AssumeRole with the same policy. It records nothing. */
const { config } = readSetup(process.env, 'web')
const verify = openBearerVerifier(config, openLog(config, 'baseline'))
const { ROLE_ARN, POLICY, ANSWER = '' } = process.env
const constant: unknown = JSON.parse(ANSWER)
const sts = new STSClient({ maxAttempts: 3, region: 'eu-west-1' })
const redis = new Redis(config.redisUrl)
const app = fastify()

app.addHook('onRequest', async (request) => {
  await verify(request.headers.authorization, request.ip)
})
app.post('/constant/:id', async () => constant)
app.post<{ Params: { id: string } }>('/read/:id', async ({ params }) => {
  await Promise.all([redis.hgetall(`{latchkey}:grant:${params.id}`), redis.get('{latchkey}:epoch')])
  return constant
})
app.post<{ Params: { id: string } }>('/assumed/:id', async ({ params }) => {
  const session = { RoleSessionName: params.id, Policy: POLICY, DurationSeconds: 3_600 }
  const { Credentials } = await sts.send(
    new AssumeRoleCommand({ RoleArn: ROLE_ARN, SourceIdentity: 'bench', ...session }),
  )
  return { Version: 1, ...Credentials }
})

await app.listen({ port: config.port, host: '127.0.0.1' })
process.send?.('ready')
process.on('SIGTERM', () => process.exit(0))
