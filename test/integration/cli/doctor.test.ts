import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { seedTrail } from '../../../sandbox/aws/cloudtrail.ts'
import { InlinePolicies } from '../../../sandbox/aws/state.ts'
import { runHere } from '../../fixtures/cli-here.ts'
import { type Environment, startWorld, type World } from '../../fixtures/world.ts'

/** `latchkey doctor` on a correct installation and on each kind of broken one. */

const findings = z.array(
  z.object({
    area: z.string(),
    state: z.enum(['ok', 'wrong', 'note', 'unknown']),
    says: z.string(),
    next: z.string().optional(),
  }),
)

let world: World
let redis: Redis
let undo: (() => unknown) | undefined

const ROUNDS = '{latchkey}:index:reconciled:accounts'
const DUE = '{latchkey}:due:grants'

/** The workers stop after one full round, so that they do not repair what a test breaks. */
beforeAll(async () => {
  world = await startWorld({ watch: true })
  redis = new Redis(world.redis.url)
  await world.startWorkers()
  await vi.waitFor(async () => expect(await redis.zscore(ROUNDS, 'prod')).not.toBeNull(), {
    timeout: 30_000,
    interval: 100,
  })
  await world.kill('workers', 'SIGKILL')
})

afterAll(async () => {
  redis.disconnect()
  await world.stop()
})

afterEach(async () => {
  await undo?.()
  undo = undefined
})

async function doctor(env: Environment = {}) {
  const { code, output } = await runHere(['doctor', '--json'], { ...world.operatorEnvironment, ...env })
  return { code, found: findings.parse(JSON.parse(output)) }
}

async function wrong(env?: Environment): Promise<readonly string[]> {
  const { code, found } = await doctor(env)
  const said = found.flatMap(({ state, says }) => (state === 'wrong' ? [says] : []))
  expect(code).toBe(said.length > 0 ? 1 : 0)
  return said
}

describe('an installation in order', () => {
  test('is told so, area by area, and nothing is written', async () => {
    const before = world.aws.journal.entries().length
    const { code, found } = await doctor()
    expect(found.filter(({ state }) => state === 'wrong' || state === 'unknown')).toEqual([])
    expect(code).toBe(0)
    const says = found.filter(({ area }) => area === 'Standing write rights').map((one) => one.says)
    expect(says).toEqual([
      'user owner: may do everything in the account, and so write to its buckets without asking.',
      'Nobody else may write to the buckets of the rules without asking.',
    ])
    const ofMemory = (sentence: string) => found.some((one) => one.says.includes(sentence))
    expect(ofMemory('There is room')).toBe(!ofMemory('no maxmemory'))
    expect(new Set(found.map(({ area }) => area))).toEqual(
      new Set([
        ...['Record (Redis)', 'Workers', 'Activity feed', 'Unknown sessions', 'Entra and Graph', 'Bot', 'Endpoint'],
        ...['Elevation roles', 'Wiring', 'Trails', 'Standing write rights'],
      ]),
    )
    const calls = world.aws.journal.entries().slice(before)
    expect(calls.filter(({ action }) => !/^(Get|List|Describe)/.test(action))).toEqual([])
  })

  test('is a table for people', async () => {
    const { output } = await world.operate(['doctor'])
    expect(output).toMatch(/Bot\n {2}✓ Its registration gets a token/)
    expect(output).toMatch(/0 wrong/)
    expect(output.split('\n').filter((line) => line.length > 80)).toEqual([])
  })
})

function inline(user: string, statement: object): void {
  const { state, clock } = world.aws
  const document = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] })
  state.users.get(user)?.inline.put('standing', document, clock.now())
  undo = () => state.users.get(user)?.inline.delete('standing', clock.now())
}

describe('an installation that is sick', () => {
  test('a Redis that does not answer', async () => {
    const { found } = await doctor({ REDIS_URL: 'redis://127.0.0.1:1' })
    const says =
      'It could not be looked at: Redis does not answer. Check REDIS_URL, and that you may reach it from here.'
    expect(found).toContainEqual(expect.objectContaining({ area: 'Record (Redis)', state: 'unknown', says }))
  })

  test('workers that stand still', async () => {
    const at = Number(await redis.zscore(ROUNDS, 'prod'))
    undo = async () => {
      await redis.zrem(DUE, 'g-0123456789ab', 'g-ba9876543210')
      await redis.zadd(ROUNDS, at, 'prod')
    }
    const now = Date.now()
    await redis.zadd(DUE, now - 60_000, 'g-0123456789ab', now - 5_000, 'g-ba9876543210')
    await redis.zadd(ROUNDS, now - 301_000, 'prod')
    const { code, found } = await doctor()
    const next = 'Start the workers; their log says what stops them.'
    const says = [
      expect.stringMatching(/^prod: the last whole round over it was 30\d seconds ago\.$/),
      '1 grant waits to be ended or activated.',
    ]
    const wrong = says.map((one) => ({ area: 'Workers', state: 'wrong', says: one, next }))
    expect([code, found.filter(({ area }) => area === 'Workers')]).toEqual([1, wrong])
    await redis.zrem(ROUNDS, 'prod')
    const never = { area: 'Workers', state: 'wrong', says: 'prod: no whole round was made over it yet.', next }
    expect((await doctor()).found).toContainEqual(never)
  })

  test('a person who may write without asking', async () => {
    inline('everyday', { Action: 's3:PutObject', Resource: 'arn:aws:s3:::finance-*/*' })
    expect(await wrong()).toEqual(['finance-reports: user everyday may write without asking (s3:PutObject).'])
  })

  test('a bucket policy that lets others write', async () => {
    const bucket = world.aws.state.buckets.get('finance-reports')
    if (bucket === undefined) throw new Error('The sandbox has the bucket.')
    const Principal = { AWS: 'arn:aws:iam::999988887777:root' }
    const statement = { Effect: 'Allow', Principal, Action: 's3:*', Resource: 'arn:aws:s3:::finance-reports/*' }
    bucket.policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] })
    undo = () => {
      bucket.policy = undefined
    }
    expect(await wrong()).toEqual([expect.stringContaining('999988887777')])
  })

  test('an elevation role without its boundary', async () => {
    const role = world.seeded.roles[0]
    const { boundaryArn } = world.seeded
    if (role === undefined) throw new Error('The sandbox has an elevation role.')
    role.boundaryArn = undefined
    undo = () => {
      role.boundaryArn = boundaryArn
    }
    expect(await wrong()).toEqual(['latchkey/prod: The role has no permissions boundary.'])
  })

  test('a role that the rules name no more', async () => {
    const { aws, seeded } = world
    const [role] = seeded.roles
    if (role === undefined) throw new Error('The sandbox has an elevation role.')
    const inline = new InlinePolicies()
    inline.put('latchkey.deny', '{}', aws.clock.now())
    const arn = role.arn.replace('/prod', '/retired')
    aws.state.roles.set('retired', { ...role, arn, roleName: 'retired', roleId: 'AROARETIRED000000000', inline })
    undo = () => aws.state.roles.delete('retired')
    const { found } = await doctor()
    expect(found).toContainEqual(expect.objectContaining({ state: 'note', says: `${arn}: the rules name it no more.` }))
  })

  test('a trail that logs nothing of ours', async () => {
    const { state } = world.aws
    seedTrail(state, ['another'])
    undo = () => seedTrail(state, ['finance-reports'])
    expect(await wrong()).toEqual(['eu-west-1: no trail logs writes to finance-reports.'])
  })

  test('a key that AWS does not send', async () => {
    const said = await wrong({ CLOUDTRAIL_KEYS: `${'9a'.repeat(32)}@111122223333` })
    expect(said).toEqual([
      expect.stringContaining('eu-west-1: connection latchkey sends another key'),
      expect.stringContaining('us-east-1: connection latchkey sends another key'),
    ])
  })

  test('secrets that Entra no longer takes', async () => {
    const said = await wrong({ ENTRA_CLIENT_SECRET: 'run-out', MicrosoftAppPassword: 'run-out' })
    expect(said).toEqual(['Entra gives no token for Graph.', 'Its registration gets no token for Bot Connector.'])
  })

  test('a session that no grant explains', async () => {
    const event = {
      kind: 'write.unexplained',
      actor: { kind: 'latchkey' },
      account: '111122223333',
      principal: 'AROAEXAMPLE:g-0123456789ab',
      name: 'PutObject',
      bucket: 'finance-reports',
      reason: 'unknown-grant',
      count: 1,
      firstAt: '2026-11-22T10:00:00.000Z',
      lastAt: '2026-11-22T10:00:00.000Z',
    }
    const entry = await redis.xadd('{latchkey}:audit', '*', 'event', JSON.stringify(event))
    undo = async () => {
      await redis.xdel('{latchkey}:audit', entry ?? '')
    }
    expect(await wrong()).toEqual([expect.stringContaining('PutObject by AROAEXAMPLE:g-0123456789ab')])
  })

  test('what an operator may not read is not called right, nor wrong', async () => {
    const { accessKeyId, secretAccessKey } = world.seeded.keys.everyday
    const { found } = await doctor({ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey })
    const aws = found.filter(({ area }) => area === 'AWS')
    expect(aws).toMatchObject([{ state: 'unknown', says: expect.stringContaining('AccessDenied') }])
  })
})
