import { inspect } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { PEOPLE } from '../../../sandbox/entra/fixture.ts'
import { requestAccess } from '../../../src/access-requests/request-access.ts'
import { reviewAccessRequest } from '../../../src/access-requests/review/review-access-request.ts'
import { consoleSignIn, partitionOf } from '../../../src/aws/console-sign-in.ts'
import { signApproval } from '../../../src/grants/approval-mac.ts'
import { consoleSignIn as signInToConsole } from '../../../src/grants/credentials/console-sign-in.ts'
import { makeCredentialsCache } from '../../../src/grants/credentials/credentials-cache.ts'
import { objectLink } from '../../../src/grants/credentials/object-link.ts'
import { vendCredentials } from '../../../src/grants/credentials/vend-credentials.ts'
import { endGrant } from '../../../src/grants/end-grant.ts'
import { checkEpoch } from '../../../src/grants/recovery/epoch.ts'
import { redisWriteSummaries } from '../../../src/redis/write-summaries.ts'
import { parseScope } from '../../../src/rules/scope.ts'
import { readView } from '../../../src/views/read-view.ts'
import { activateGrant } from '../../../workers/activate-grant.ts'
import { revokeGrant } from '../../../workers/revoke-grant.ts'
import { openUseCases } from '../../fixtures/use-cases.ts'
import { DENIED_ON } from '../../unit/grants/a-grant.ts'

const ISSUER = 'https://latchkey.example.com'
const HERE = '198.51.100.7'
const ELSEWHERE = '203.0.113.9'
const OBJECT = 's3://finance-reports/2026/report.csv'
const MINUTE = 60_000
/** Later than the cut of an adoption, by every clock. */
const PAST_THE_CUT_MS = 32_000

const useCases = await openUseCases('delivery')
const { deps } = useCases
const redis = await useCases.fixture.open('request')
const writeSummaries = redisWriteSummaries(redis, { prefix: useCases.fixture.prefix })
afterAll(() => useCases.close())

const rita = (address = HERE) => useCases.as('rita', { address })
const vend = (grantId: string, address?: string) => vendCredentials(deps, rita(address), grantId)
const link = (grantId: string, method: 'get' | 'put') => objectLink(deps, rita(), grantId, method)
const assumed = () => useCases.calls('AssumeRole')

async function events(kind: 'vend.intended' | 'vend.repeated' | 'vend.refused', grantId: string) {
  return (await useCases.events(kind)).filter((event) => 'grantId' in event && event.grantId === grantId)
}

async function granted(scope: string, levels: readonly ('read' | 'write')[], durationMinutes = 30): Promise<string> {
  const asked = {
    scopes: [parseScope(scope)],
    levels,
    durationMinutes,
    reason: 'month-end',
  }
  const { id } = await requestAccess(deps, useCases.as('rita'), asked)
  const { grantId = '' } = await reviewAccessRequest(deps, useCases.as('dana'), id, {
    decision: 'approve',
    comment: '',
  })
  await activateGrant(deps, grantId)
  return grantId
}

describe('credentials that are still good', () => {
  test('are handed out again: AWS is not asked, and nothing is written for the same address', async () => {
    const grantId = await useCases.granted()
    const first = await vend(grantId)
    const before = [assumed(), await redis.xlen(`${useCases.fixture.prefix}:audit`)]
    expect(await vend(grantId)).toEqual(first)
    expect([assumed(), await redis.xlen(`${useCases.fixture.prefix}:audit`)]).toEqual(before)
    expect(await events('vend.intended', grantId)).toMatchObject([{ address: HERE, as: 'credentials' }])
  })

  test('are in the memory of one process: nothing of them is in Redis, and another process vends its own', async () => {
    const grantId = await useCases.granted()
    const [mine, other] = [
      await vend(grantId),
      await vendCredentials({ ...deps, credentialsCache: makeCredentialsCache() }, rita(), grantId),
    ]
    expect(other.accessKeyId).not.toBe(mine.accessKeyId)
    expect(await events('vend.intended', grantId)).toHaveLength(2)
  })

  test('are not handed out from the moment that the grant is being ended, nor ever after', async () => {
    const grantId = await useCases.granted()
    await vend(grantId)
    await endGrant(deps, useCases.as('rita'), grantId)
    await expect(vend(grantId)).rejects.toMatchObject({ code: 'OVER' })
    await revokeGrant(deps, grantId)
    await expect(vend(grantId)).rejects.toMatchObject({ code: 'OVER', message: expect.stringContaining(grantId) })
    // Even when somebody sets the record back to active, no credentials are cached by then.
    expect(
      deps.credentialsCache.find({ stored: await useCases.genuine(grantId), cutMs: 0 }, Date.now()),
    ).toBeUndefined()
  })

  test('go to the requester alone, like new ones', async () => {
    const grantId = await useCases.granted()
    await vend(grantId)
    for (const person of ['dana', 'omar', 'finn'] as const) {
      await expect(vendCredentials(deps, useCases.as(person), grantId)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    }
  })

  test('are no substitute for an eligibility that is gone', async () => {
    const grantId = await useCases.granted()
    await vend(grantId)
    useCases.entra.tenant.disable(PEOPLE.rita)
    useCases.later(6 * MINUTE)
    try {
      await expect(vend(grantId)).rejects.toMatchObject({ code: 'NOT_ELIGIBLE' })
    } finally {
      useCases.entra.tenant.enable(PEOPLE.rita)
    }
    expect((await useCases.grant(grantId)).status).toBe('revoking')
  })
})

describe('where credentials are taken to', () => {
  const told = async (requestId: string) =>
    (await readView({ record: deps.record, writeSummaries }, rita(), requestId)).view.grant?.takenFrom

  test('a new address is on the record before it has any, and its card is due; a known one is not told again', async () => {
    const grantId = await useCases.granted()
    const { requestId } = (await useCases.grant(grantId)).terms
    const due = `${useCases.fixture.prefix}:due:copies`
    await redis.zrem(due, requestId)
    await vend(grantId)
    expect(await told(requestId)).toMatchObject([{ address: HERE }])
    expect(await redis.zscore(due, requestId)).not.toBeNull()
    await redis.zrem(due, requestId)
    await vend(grantId)
    expect(await redis.zscore(due, requestId)).toBeNull()

    const before = assumed()
    await vend(grantId, ELSEWHERE)
    expect(assumed()).toBe(before)
    expect(await told(requestId)).toMatchObject([{ address: HERE }, { address: ELSEWHERE }])
    expect(await redis.zscore(due, requestId)).not.toBeNull()
    expect(await events('vend.repeated', grantId)).toMatchObject([{ address: ELSEWHERE, as: 'credentials' }])
  })

  test('of more than ten addresses ten are told, and each hand-out to another one is in the audit', async () => {
    const grantId = await useCases.granted()
    for (let n = 1; n <= 12; n += 1) await vend(grantId, `192.0.2.${n}`)
    await vend(grantId, '192.0.2.12')
    expect((await useCases.grant(grantId)).takenFrom).toHaveLength(10)
    const repeated = await events('vend.repeated', grantId)
    expect(repeated.map((event) => 'address' in event && event.address).slice(-3)).toEqual([
      '192.0.2.11',
      '192.0.2.12',
      '192.0.2.12',
    ])
  })

  test('of simultaneous first vends from one address it is told once', async () => {
    const grantId = await useCases.granted()
    await Promise.all(Array.from({ length: 8 }, () => vend(grantId)))
    expect((await useCases.grant(grantId)).takenFrom).toMatchObject([{ address: HERE }])
  })
})

describe('a link to one object', () => {
  const take = async (url: string) => {
    const answer = await fetch(url)
    return [answer.status, await answer.text()] as const
  }
  const put = async (url: string, body: string) => (await fetch(url, { method: 'PUT', body })).status

  test('writes and reads exactly that object, and leaves no checksum to whoever uses it', async () => {
    const grantId = await granted(OBJECT, ['read', 'write'])
    const { url } = await link(grantId, 'put')
    expect(url).not.toContain('checksum')
    expect(await put(url, 'month,total\n')).toBe(200)
    expect(await take((await link(grantId, 'get')).url)).toEqual([200, 'month,total\n'])
    const other = url.replace('report.csv', 'other.csv')
    expect(await put(other, 'x')).toBe(403)
    expect((await take(url))[0]).toBe(403)
    expect((await useCases.events('vend.intended')).slice(-1)).toMatchObject([{ as: 'link', grantId }])
    expect(await events('vend.repeated', grantId)).toMatchObject([{ as: 'link', address: HERE }])
  })

  test('to download, of a grant that only uploads, is refused with the way to upload', async () => {
    const grantId = await granted(OBJECT, ['write'])
    await expect(link(grantId, 'get')).rejects.toThrow('It can upload: add `--put`, or ask for read.')
  })

  test('lasts fifteen minutes, and never past the end of its grant', async () => {
    const long = await link(await granted(OBJECT, ['read']), 'get')
    expect(new URL(long.url).searchParams.get('X-Amz-Expires')).toBe('900')
    const grantId = await granted(OBJECT, ['read'], 5)
    const { url, expiresAt } = await link(grantId, 'get')
    const { endsAt } = await useCases.grant(grantId)
    expect(expiresAt).toBe(endsAt)
    const { searchParams } = new URL(url)
    const [, date = '', time = ''] = /^(\d{8})T(\d{6})Z$/.exec(searchParams.get('X-Amz-Date') ?? '') ?? []
    const begins = `${date.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time.replace(/(..)(..)(..)/, '$1:$2:$3')}.000Z`
    const endsMs = Date.parse(begins) + Number(searchParams.get('X-Amz-Expires')) * 1_000
    expect(endsMs).toBe(Date.parse(endsAt ?? ''))
  })

  test('is refused once its grant was revoked, and before that nobody is given another one', async () => {
    const grantId = await granted(OBJECT, ['read', 'write'])
    const [reading, writing] = [await link(grantId, 'get'), await link(grantId, 'put')]
    await put(writing.url, 'x')
    expect((await take(reading.url))[0]).toBe(200)
    await endGrant(deps, useCases.as('rita'), grantId)
    await expect(link(grantId, 'get')).rejects.toMatchObject({ code: 'OVER' })
    await revokeGrant(deps, grantId)
    expect((await take(reading.url))[0]).toBe(403)
    expect(await put(writing.url, 'y')).toBe(403)
  })

  test.each([
    ['a prefix', 's3://finance-reports/2026/', 'exactly one object'],
    ['a bucket', 's3://finance-reports/', 'exactly one object'],
    ['an object that may only be read', OBJECT, 'does not allow write'],
  ])('is not made for a grant of %s', async (_name, scope, sentence) => {
    const grantId = await granted(scope, ['read'])
    const before = assumed()
    await expect(link(grantId, 'put')).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringContaining(sentence),
    })
    expect(assumed()).toBe(before)
    expect(await events('vend.refused', grantId)).toHaveLength(1)
  })
})

describe('a sign-in to the console', () => {
  const lines: object[] = []
  const log = { warn: (data: object) => void lines.push(data) }
  const buckets = deps.rules.buckets
  const linksAt = (url: string | undefined) => consoleSignIn({ url, issuer: ISSUER, buckets, log })
  const at = (url: string) => ({ ...deps, consoleLinks: linksAt(url) })
  const open = (grantId: string) => signInToConsole(at(`${useCases.aws.url}/federation`), rita(), grantId)

  test('is the grant: the console is signed in with its session, at its prefix, as long as its credentials last', async () => {
    const grantId = await useCases.granted()
    await vend(grantId)
    const before = assumed()
    const { url, expiresAt } = await open(grantId)
    // The console gets credentials of its own, because those vended before may expire soon.
    expect(assumed()).toBe(before + 1)
    expect((await events('vend.intended', grantId)).slice(-1)).toMatchObject([{ as: 'console', address: HERE }])
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(15 * MINUTE)
    expect(new URL(url).searchParams.get('Issuer')).toBe(ISSUER)
    const page = await (await fetch(url)).text()
    expect(page).toContain(`/${grantId}</p>`)
    expect(page).toContain('s3/buckets/finance-reports?region=eu-west-1&#38;prefix=2026%2F')
    expect(page).toMatch(/until \d{4}-\d\d-\d\dT[\d:]{8}Z/)
    expect((await fetch(url)).status).toBe(400)
  })

  test('is for the requester of an active grant alone', async () => {
    const grantId = await useCases.granted()
    const stranger = signInToConsole(deps, useCases.as('dana'), grantId)
    await expect(stranger).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await endGrant(deps, useCases.as('rita'), grantId)
    await expect(open(grantId)).rejects.toMatchObject({ code: 'OVER' })
  })

  test('of a grant on the person’s own role is refused with where to sign in instead', async () => {
    const grantId = await useCases.granted()
    const arn = 'arn:aws:iam::111122223333:role/analysts'
    await useCases.overwrite(grantId, (grant) => {
      const principal = {
        driver: 'attach',
        account: '111122223333',
        arn,
        userid: 'AROAX:rita',
        deniedOn: DENIED_ON,
      } as const
      const terms = { ...grant.terms, principal }
      return { ...grant, terms, mac: signApproval(deps.approvalKey, terms) }
    })
    const sentence = `This grant is on ${arn}: use the credentials and the console that you have of it.`
    for (const refused of [open(grantId), vend(grantId), link(grantId, 'get')])
      await expect(refused).rejects.toMatchObject({ code: 'BAD_INPUT', message: expect.stringContaining(sentence) })
  })

  test('leaves neither link nor credentials in a log or an error, whatever AWS answers', async () => {
    const grantId = await useCases.granted()
    const said: unknown[] = []
    const { url } = await open(grantId)
    for (const endpoint of [
      `${useCases.aws.url}/federation?Action=login`,
      `${useCases.aws.url}/nowhere`,
      'http://127.0.0.1:1/federation',
    ])
      await signInToConsole(at(endpoint), rita(), grantId).catch((error: unknown) => said.push(error))
    expect(said).toHaveLength(3)
    const { secretAccessKey, sessionToken, accessKeyId } = await vend(grantId)
    const told = inspect([lines, said], { depth: 9, showHidden: true, maxStringLength: null })
    expect(told).toContain('AWS')
    for (const secret of [
      secretAccessKey,
      sessionToken,
      accessKeyId,
      new URL(url).searchParams.get('SigninToken') ?? '',
    ])
      for (const form of [secret, encodeURIComponent(secret)]) expect(told).not.toContain(form)
  })

  test.each([
    ['eu-west-1', 'https://signin.aws.amazon.com/federation', 'https://console.aws.amazon.com/s3/'],
    ['us-gov-west-1', 'https://signin.amazonaws-us-gov.com/federation', 'https://console.amazonaws-us-gov.com/s3/'],
    ['cn-north-1', 'https://signin.amazonaws.cn/federation', 'https://console.amazonaws.cn/s3/'],
  ])('in %s is AWS’s own of that partition', (region, signIn, console) => {
    expect(partitionOf(region)).toEqual({ signIn, console: console.replace('/s3/', '') })
  })
})

// This test is last: after a cut nothing is granted for half a minute.
test('credentials of before a cut of their role are not handed out again: AWS refuses them', async () => {
  // Another person, because nobody may make more than twenty requests an hour.
  const finn = useCases.as('finn', { address: HERE })
  const grantId = await useCases.granted('finn')
  const kept = await vendCredentials(deps, finn, grantId)
  const known = await useCases.record.read('deny', '111122223333.prod')
  await checkEpoch({ ...deps, record: useCases.emptyRecord() })
  // checkEpoch finds another epoch in AWS and cuts.
  await checkEpoch(deps)
  expect(await useCases.record.read('deny', '111122223333.prod')).not.toEqual(known)
  expect(await useCases.canWrite(kept)).toBe(false)
  const now = async () => (await useCases.record.now()) + PAST_THE_CUT_MS
  const later = { ...deps, record: { ...useCases.record, now } }
  expect((await vendCredentials(later, finn, grantId)).accessKeyId).not.toBe(kept.accessKeyId)
})
