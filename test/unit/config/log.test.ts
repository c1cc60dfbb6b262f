import { pino } from 'pino'
import { expect, test } from 'vitest'
import { openLog } from '../../../src/config/log.ts'
import type { Config } from '../../../src/config.ts'

const SECRET = 'eyJSECRET'

const config: Config = {
  port: 3978,
  host: '127.0.0.1',
  publicUrl: 'https://latchkey.example.com',
  redisUrl: '/tmp/redis.sock',
  redisDurability: undefined,
  approvalKey: SECRET,
  entra: { authority: '', tenantId: '', clientId: '', clientSecret: SECRET, cliClientId: '', mfaContext: undefined },
  graphBaseUrl: '',
  bot: {
    appId: '',
    appPassword: SECRET,
    appType: 'SingleTenant',
    tenantId: '',
    openIdMetadataUrl: '',
    loginUrl: '',
    serviceUrls: [],
  },
  secrets: [SECRET],
  awsSignInUrl: undefined,
  mailSender: undefined,
  awsRegion: 'eu-west-1',
  cloudTrailKeys: undefined,
  metricsToken: undefined,
  logLevel: 'trace',
  sandbox: false,
}

/** The line of the real log, returned instead of printed. */
function written(line: object): string {
  const lines: string[] = []
  const log = openLog(config, 'web')
  Object.assign(log, { [pino.symbols.streamSym]: { write: (text: string) => lines.push(text) } })
  log.info(line, 'said')
  expect(lines).toHaveLength(1)
  return lines.join('')
}

test('of an error the log holds only what cannot be secret, whatever an SDK hung on it', () => {
  const cause = Object.assign(new Error('inside'), { config: { headers: { authorization: SECRET } } })
  const request = { headers: { authorization: SECRET } }
  const err = Object.assign(new Error('refused', { cause }), { code: 'E1', request, $response: { body: SECRET } })
  const text = written({ err })
  expect(text).not.toContain(SECRET)
  expect(JSON.parse(text)).toMatchObject({ err: { message: 'refused', code: 'E1', cause: { message: 'inside' } } })
})

test.each([
  { authorization: SECRET },
  { headers: { authorization: SECRET } },
  { request: { headers: { cookie: SECRET } } },
  { body: { SessionToken: SECRET } },
  { answer: { body: SECRET } },
  { req: { id: 'q-1', headers: { authorization: SECRET }, url: `/?code=${SECRET}` } },
])('what carries credentials is cut out of a line of the log: %j', (line) => {
  expect(written(line)).not.toContain(SECRET)
})
