import { GetRolePolicyCommand, IAMClient, ListRolePoliciesCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BROKEN, CONCURRENT, THROTTLED, UNAVAILABLE } from '../aws/faults.ts'
import { BUCKET, type Keys, REGION, type S3Fixture, startS3Fixture } from './s3-fixture.ts'

/** The faults of the sandbox, tested with AWS's SDK. */

const OTHER = '444455556666'
const DOCUMENT = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }] })

let fixture: S3Fixture
let owner: Keys
let iam: IAMClient
const clients: { destroy(): void }[] = []

beforeEach(async () => {
  fixture = await startS3Fixture()
  owner = fixture.seeded.keys.owner
  iam = iamAs(owner)
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await fixture.stop()
})

function iamAs(credentials: Keys, requestTimeout = 0): IAMClient {
  const requestHandler = { requestTimeout, throwOnRequestTimeout: true }
  const endpoint = fixture.aws.url
  const client = new IAMClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1, requestHandler })
  clients.push(client)
  return client
}

function stsAs(credentials: Keys): STSClient {
  const client = new STSClient({ endpoint: fixture.aws.url, region: REGION, credentials, maxAttempts: 1 })
  clients.push(client)
  return client
}

const put = (PolicyName = 'x', as = iam) =>
  as.send(new PutRolePolicyCommand({ RoleName: 'prod', PolicyName, PolicyDocument: DOCUMENT }))
const holds = (name = 'x') => fixture.aws.state.roles.get('prod')?.inline.current().has(name)
const PUT = { action: 'PutRolePolicy' }
const tally = () => fixture.aws.faults.tally(PUT)

describe('an answer that AWS itself gives', () => {
  test.each([
    ['throttled', THROTTLED, 'Throttling'],
    ['in the way of another write', CONCURRENT, 'ConcurrentModificationException'],
    ['broken', BROKEN, 'ServiceFailureException'],
    ['unavailable', UNAVAILABLE, 'ServiceUnavailable'],
  ])('%s has no effect, and has its name and status', async (_, failure, name) => {
    fixture.aws.faults.fail(PUT, failure)
    await expect(put()).rejects.toMatchObject({ name, $metadata: { httpStatusCode: failure.status } })
    expect(holds()).toBe(false)
    await put()
    expect(tally()).toEqual({ arrived: 2, done: 1, refused: 1, lost: 0 })
  })

  test('is SlowDown where S3 is throttled', async () => {
    fixture.aws.faults.fail({ service: 's3' }, THROTTLED)
    const asked = fixture.s3(owner).send(new PutObjectCommand({ Bucket: BUCKET, Key: 'a', Body: 'x' }))
    await expect(asked).rejects.toMatchObject({ name: 'SlowDown', $metadata: { httpStatusCode: 503 } })
  })
})

describe('no answer', () => {
  test('when the call was dropped, which had no effect', async () => {
    fixture.aws.faults.drop(PUT)
    await expect(put()).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect([holds(), tally()]).toEqual([false, { arrived: 1, done: 0, refused: 0, lost: 1 }])
  })

  test('when the reply was lost, of what was done', async () => {
    fixture.aws.faults.loseReply(PUT)
    await expect(put()).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect([holds(), tally()]).toEqual([true, { arrived: 1, done: 1, refused: 0, lost: 1 }])
  })

  test('ever: the caller gives up, not knowing what was done', async () => {
    const impatient = iamAs(owner, 50)
    fixture.aws.faults.silence(PUT, { when: 'before' })
    await expect(put('never', impatient)).rejects.toMatchObject({ name: 'TimeoutError' })
    fixture.aws.faults.silence(PUT)
    await expect(put('done', impatient)).rejects.toMatchObject({ name: 'TimeoutError' })
    fixture.aws.faults.clear()
    await put('after')
    expect([holds('never'), holds('done')]).toEqual([false, true])
  })
})

test('a fault meets the calls of one account and leaves those of another alone', async () => {
  const there = fixture.aws.seedLatchkey({ buckets: [] }, OTHER).keys.owner
  fixture.aws.faults.fail({ account: OTHER }, { ...THROTTLED, times: Number.POSITIVE_INFINITY })
  const list = (keys: Keys) => iamAs(keys).send(new ListRolePoliciesCommand({ RoleName: 'prod' }))
  await expect(list(there)).rejects.toMatchObject({ name: 'Throttling' })
  await expect(list(owner)).resolves.toBeDefined()
})

describe('at random', () => {
  /** Makes forty writes and returns for each whether it was answered and whether it was done. */
  async function fates(seed: number): Promise<readonly string[]> {
    fixture.aws.faults.clear()
    fixture.aws.faults.atRandom(PUT, { seed, drop: 0.2, lose: 0.2, throttle: 0.2, broken: 0.1 })
    const seen: string[] = []
    for (let at = 0; at < 40; at += 1) {
      const name = `s${seed}-${at}`
      const answer = await put(name).then(
        () => 'answered',
        (error: Error) => (error.name === 'TimeoutError' ? 'silent' : error.name),
      )
      seen.push(`${answer} ${holds(name) ? 'done' : 'not done'}`)
      fixture.aws.state.roles.get('prod')?.inline.delete(name, 0)
    }
    return seen
  }

  test('each thing happens, and the same again with the same seed', async () => {
    const first = await fates(7)
    expect(new Set(first)).toEqual(
      new Set([
        'answered done',
        'silent done',
        'silent not done',
        'Throttling not done',
        'ServiceFailureException not done',
      ]),
    )
    expect(await fates(7)).toEqual(first)
    expect(await fates(8)).not.toEqual(first)
    const { arrived, done, refused, lost } = tally()
    expect([arrived, done > 0, refused > 0, lost > 0]).toEqual([120, true, true, true])
  })
})

test("AWS's clock is off as far as a test says, back or forth", async () => {
  const sts = stsAs(owner)
  let date = ''
  sts.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const { response } = result as { readonly response: { readonly headers: Readonly<Record<string, string>> } }
      date = response.headers.date ?? ''
      return result
    },
    { step: 'deserialize' },
  )
  for (const minutes of [-10, 10, 0]) {
    fixture.aws.clock.skew(minutes * 60_000)
    await sts.send(new GetCallerIdentityCommand({}))
    const offMinutes = (Date.parse(date) - Date.now()) / 60_000
    expect(offMinutes).toBeCloseTo(minutes, 0)
  }
})

test('a session that AWS issued while its clock was behind is over that much earlier by ours', async () => {
  fixture.aws.clock.skew(-10 * 60_000)
  const asked = { RoleArn: 'arn:aws:iam::111122223333:role/latchkey/prod', RoleSessionName: 'g-0' }
  const web = stsAs(fixture.seeded.keys.web)
  const { Credentials } = await web.send(new AssumeRoleCommand({ ...asked, SourceIdentity: 'rita' }))
  expect(Credentials?.Expiration?.getTime()).toBeLessThan(Date.now() + 51 * 60_000)
  await put()
  const read = await iam.send(new GetRolePolicyCommand({ RoleName: 'prod', PolicyName: 'x' }))
  expect(read.PolicyName).toBe('x')
})
