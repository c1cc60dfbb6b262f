import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type PrivateRedis, startRedis } from '../../../bootstrap/redis.mjs'
import { PROJECT } from '../../../sandbox/project.ts'
import { childIds, ended, isAlive, shared } from '../../fixtures/processes.ts'
import { unpackPackage } from '../../fixtures/unpacked-package.ts'
import {
  type Environment,
  endProcess,
  freePort,
  type Part,
  type Spawned,
  spawnLatchkey,
  startWorld,
  type World,
} from '../../fixtures/world.ts'

const SOON = { timeout: 30_000, interval: 100 }
const AWAY = { kind: 'status', status: 503 } as const
const PARTS = ['web', 'workers'] as const

let world: World
/** The Redis of the processes that wait for it. The world has another one. */
let redis: PrivateRedis
let folder: string
const spawned: Spawned[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-package-'))
  redis = await startRedis()
  world = await startWorld()
})

afterAll(async () => {
  for (const one of spawned) await endProcess(one.child, 'SIGKILL')
  await world.stop()
  await redis.stop()
  await rm(folder, { recursive: true, force: true })
})

type Place = Parameters<typeof spawnLatchkey>[2]

async function spawn(part: Part | undefined, env: Environment = {}, place: Place = {}): Promise<Spawned> {
  const one = spawnLatchkey(part, { ...world.environment(part ?? 'web', await freePort()), ...env }, place)
  spawned.push(one)
  return one
}

async function status(url: string): Promise<number> {
  const response = await fetch(url)
  await response.body?.cancel()
  return response.status
}

describe.concurrent('a start is refused with exit 1 and everything that is wrong', () => {
  test.each([[undefined], ['web'], ['workers']] as const)('by its environment (%s)', async (part) => {
    const one = await spawn(part, { PORT: 'x', APPROVAL_KEY: 'short', HOST: '0.0.0.0' })
    expect(await ended(one)).toBe(1)
    for (const name of ['PORT', 'APPROVAL_KEY', 'HOST']) expect(one.output()).toContain(`${name}: expected`)
    expect(one.output()).not.toContain('started a child')
  })

  test.each([
    ['appendonly', 'no', 'append-only file'],
    ['maxmemory-policy', 'allkeys-lru', 'throws data away'],
  ])('by a Redis with %s %s', async (setting, value, sentence) => {
    const unfit = await startRedis()
    const client = new Redis(unfit.url)
    try {
      await client.config('SET', setting, value)
      const one = await spawn('web', { REDIS_URL: unfit.url })
      expect(await ended(one)).toBe(1)
      expect(one.output()).toContain(sentence)
      const parent = await spawn(undefined, { REDIS_URL: unfit.url })
      expect(await ended(parent)).toBe(1)
      expect(parent.output()).not.toContain('started again')
    } finally {
      client.disconnect()
      await unfit.stop()
    }
  })

  test('by an address that somebody else holds', async () => {
    const one = await spawn('web', { PORT: new URL(world.web.url).port })
    expect(await ended(one)).toBe(1)
    expect(one.output()).toContain('EADDRINUSE')
  })
})

/** Starts one part without a parent. Its environment has its own AWS identity and one that is not meant for it. */
async function spawnAlone(part: Part): Promise<Spawned> {
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = world.environment(part)
  const own = part.toUpperCase()
  return await spawn(part, {
    REDIS_URL: redis.url,
    AWS_ACCESS_KEY_ID: 'SANDBOXOFNOBODY',
    [`${own}_AWS_ACCESS_KEY_ID`]: AWS_ACCESS_KEY_ID,
    [`${own}_AWS_SECRET_ACCESS_KEY`]: AWS_SECRET_ACCESS_KEY,
  })
}

const waitingFor = (what: string) => `waiting for ${what}`
const ENTRA = waitingFor('the signing keys of Entra')
const CONNECTOR = waitingFor('the signing keys of Bot Connector')

/** Web and workers that start before Redis and the signing keys are there. These come one after the other, in the order in which web asks for them. */
const patient = shared(async () => {
  const says = (one: Spawned, sentence: string) => vi.waitFor(() => expect(one.output()).toContain(sentence), SOON)
  const listens = () =>
    status(`${web.url}/healthz`).then(
      () => true,
      () => false,
    )
  await redis.kill9()
  const [web, workers] = await Promise.all([spawnAlone('web'), spawnAlone('workers')])
  await Promise.all([web, workers].map((one) => says(one, waitingFor('Redis'))))
  try {
    world.entra.faults.fail('keys', AWAY)
    await redis.restart()
    await says(web, ENTRA)
    const listensWithoutEntra = await listens()
    world.teams.faults.fail('keys', AWAY, { times: 1_000 })
    world.entra.faults.heal()
    await says(web, CONNECTOR)
    return { web, workers, listensWithoutEntra, listensWithoutConnector: await listens() }
  } finally {
    world.entra.faults.heal()
    world.teams.faults.heal()
  }
})

describe.concurrent('what is not there yet is waited for', () => {
  test.each(PARTS)('%s waits for Redis and says so', async (part) => {
    const { [part]: one } = await patient()
    expect(one.output()).toContain(waitingFor('Redis'))
    expect(await one.outcome).toBe('ready')
  })

  test("web waits for Entra's signing keys and does not listen before", async () => {
    const { web, listensWithoutEntra } = await patient()
    expect(web.output()).toContain(ENTRA)
    expect(listensWithoutEntra).toBe(false)
    expect(await web.outcome).toBe('ready')
  })

  test('web waits for the signing keys of Bot Connector and does not listen before', async () => {
    const { web, listensWithoutConnector } = await patient()
    expect(web.output()).toContain(CONNECTOR)
    expect(listensWithoutConnector).toBe(false)
    expect(await web.outcome).toBe('ready')
  })

  test.sequential('a Redis that goes away makes web unready, not dead', async () => {
    const { web, privateRedis } = world
    expect(await status(`${web.url}/readyz`)).toBe(200)
    await privateRedis?.kill9()
    await vi.waitFor(async () => expect(await status(`${web.url}/readyz`)).toBe(503), SOON)
    expect(await status(`${web.url}/healthz`)).toBe(200)
    await privateRedis?.restart()
    await vi.waitFor(async () => expect(await status(`${web.url}/readyz`)).toBe(200), SOON)
  })
})

test.each(PARTS)('%s by itself takes the AWS identity that is meant for it, and no other', async (part) => {
  const { [part]: one } = await patient()
  expect(await one.outcome).toBe('ready')
  const asked = { scope: 's3://finance-reports/2026/', levels: ['write'], reason: 'month-end fix' }
  if (part === 'web') expect((await world.call('rita', '/requests', asked, one)).status).toBe(201)
  expect(one.output()).not.toContain('AWS did not do what it was asked')
  expect(one.output()).not.toContain('could not be checked')
})

async function startFamily(place: Place = {}): Promise<Spawned> {
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = world.environment('workers')
  const identity = {
    WORKERS_AWS_ACCESS_KEY_ID: AWS_ACCESS_KEY_ID,
    WORKERS_AWS_SECRET_ACCESS_KEY: AWS_SECRET_ACCESS_KEY,
  }
  const one = await spawn(undefined, identity, place)
  await vi.waitFor(() => expect(one.output().match(/"msg":"ready"/g), one.output()).toHaveLength(2), SOON)
  return one
}

const unpacked = shared(() => unpackPackage(folder))
const packedFamily = shared(async () => {
  await unpacked()
  return await startFamily({ main: join(folder, 'package/dist/src/main.js'), cwd: join(folder, 'empty') })
})

describe('the package', () => {
  /** npm adds these to every package; the image needs no copy of them. */
  const ONLY_IN_THE_PACKAGE: readonly string[] = ['README.md', 'latchkey.example.yaml']

  test.each(PARTS)('starts from an empty folder, templates and scripts included: %s', async (part) => {
    const family = await packedFamily()
    expect(family.output()).toMatch(new RegExp(`"part":"${part}".*"msg":"ready"`))
    expect(family.output()).not.toContain('started again')
  })

  test('holds what the image holds, and nothing else', async () => {
    const files = await unpacked()
    const dockerfile = await readFile(join(PROJECT, 'Dockerfile'), 'utf8')
    const final = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
    const copied = [...final.matchAll(/^COPY (?:--from=build )?(.+) (\S+)$/gm)]
      .filter(([line]) => !line.includes('--from=packages'))
      .flatMap(([, sources = '']) => sources.split(' '))
      .map((source) => source.replace(/^\/app\//, '').replace(/\*\.lua$/, ''))
    const isCopied = (path: string) => copied.some((source) => path === source || path.startsWith(source))
    expect(files.filter((path) => !isCopied(path) && !ONLY_IN_THE_PACKAGE.includes(path))).toEqual([])
    expect(copied.filter((source) => !files.some((path) => path === source || path.startsWith(source)))).toEqual([])
  })
})

describe('one parent with two children', () => {
  const ownFamily = shared(() => startFamily())

  test('a child that dies is started again, loudly, and the other one stays', async () => {
    const family = await ownFamily()
    const [web = 0] = childIds(family, 'web')
    process.kill(web, 'SIGKILL')
    await vi.waitFor(() => expect(family.output().match(/"msg":"ready"/g)).toHaveLength(3), SOON)
    expect(family.output()).toContain('a child died and is started again')
    expect(childIds(family, 'web')).toHaveLength(2)
    expect(childIds(family, 'workers')).toHaveLength(1)
    expect(await status(`${family.url}/readyz`)).toBe(200)
  })

  test('SIGTERM stops both in order and ends with 0', async () => {
    const family = await ownFamily()
    const children = [...childIds(family, 'web'), ...childIds(family, 'workers')]
    family.child.kill('SIGTERM')
    expect(await ended(family)).toBe(0)
    expect(children.filter(isAlive)).toEqual([])
    expect(family.output().match(/"msg":"stopped"/g)).toHaveLength(2)
  })

  test('children do not outlive a parent that was killed', async () => {
    const family = await packedFamily()
    const children = [...childIds(family, 'web'), ...childIds(family, 'workers')]
    family.child.kill('SIGKILL')
    await vi.waitFor(() => expect(children.filter(isAlive)).toEqual([]), SOON)
  })
})
