import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { type PrivateRedis, startRedis } from '../../../bootstrap/redis.mjs'
import { PROJECT } from '../../../sandbox/project.ts'
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

const SOON = { timeout: 30_000, interval: 50 }

let world: World
const spawned: Spawned[] = []

beforeAll(async () => {
  world = await startWorld()
})

afterEach(async () => {
  for (const one of spawned.splice(0)) await endProcess(one.child, 'SIGKILL')
})

afterAll(async () => {
  await world.stop()
})

async function spawn(part: Part | undefined, env: Environment = {}): Promise<Spawned> {
  const one = spawnLatchkey(part, { ...world.environment(part ?? 'web', await freePort()), ...env })
  spawned.push(one)
  return one
}

async function status(url: string): Promise<number> {
  const response = await fetch(url)
  await response.body?.cancel()
  return response.status
}

async function ended({ child }: Spawned): Promise<number | null> {
  // After `close` all output of the process was read.
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
  return child.exitCode
}

/** The ids of the children from the parent's output, the newest last. */
function childIds({ output }: Spawned, part: Part): readonly number[] {
  return [...output().matchAll(/"child":"(\w+)".*?"pid":(\d+)/g)]
    .filter(([, who]) => who === part)
    .map(([, , id]) => Number(id))
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('a start is refused with exit 1 and everything that is wrong', () => {
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
    const redis = await startRedis()
    const client = new Redis(redis.url)
    try {
      await client.config('SET', setting, value)
      const one = await spawn('web', { REDIS_URL: redis.url })
      expect(await ended(one)).toBe(1)
      expect(one.output()).toContain(sentence)
      const parent = await spawn(undefined, { REDIS_URL: redis.url })
      expect(await ended(parent)).toBe(1)
      expect(parent.output()).not.toContain('started again')
    } finally {
      client.disconnect()
      await redis.stop()
    }
  })

  test('by an address that somebody else holds', async () => {
    const one = await spawn('web', { PORT: new URL(world.web.url).port })
    expect(await ended(one)).toBe(1)
    expect(one.output()).toContain('EADDRINUSE')
  })
})

describe('what is not there yet is waited for', () => {
  let redis: PrivateRedis

  beforeAll(async () => {
    redis = await startRedis()
  })

  afterAll(async () => {
    await redis.stop()
  })

  test.each(['web', 'workers'] as const)('%s waits for Redis and says so', async (part) => {
    await redis.kill9()
    const one = await spawn(part, { REDIS_URL: redis.url })
    await vi.waitFor(() => expect(one.output()).toContain('waiting for Redis'), SOON)
    await redis.restart()
    expect(await one.outcome).toBe('ready')
  })

  test("web waits for Entra's signing keys and does not listen before", async () => {
    world.entra.faults.fail('keys', { kind: 'status', status: 503 })
    const one = await spawn('web')
    await vi.waitFor(() => expect(one.output()).toContain('waiting for the signing keys of Entra'), SOON)
    await expect(fetch(`${one.url}/healthz`)).rejects.toThrow()
    world.entra.faults.heal()
    expect(await one.outcome).toBe('ready')
  })

  test('web waits for the signing keys of Bot Connector and does not listen before', async () => {
    world.teams.faults.fail('keys', { kind: 'status', status: 503 }, { times: 1_000 })
    const one = await spawn('web')
    await vi.waitFor(() => expect(one.output()).toContain('waiting for the signing keys of Bot Connector'), SOON)
    await expect(fetch(`${one.url}/healthz`)).rejects.toThrow()
    world.teams.faults.heal()
    expect(await one.outcome).toBe('ready')
  })

  test('a Redis that goes away makes web unready, not dead', async () => {
    const one = await spawn('web', { REDIS_URL: redis.url })
    expect(await one.outcome).toBe('ready')
    expect(await status(`${one.url}/readyz`)).toBe(200)
    await redis.kill9()
    await vi.waitFor(async () => expect(await status(`${one.url}/readyz`)).toBe(503), SOON)
    expect(await status(`${one.url}/healthz`)).toBe(200)
    await redis.restart()
    await vi.waitFor(async () => expect(await status(`${one.url}/readyz`)).toBe(200), SOON)
  })
})

test.each(['web', 'workers'] as const)(
  '%s by itself takes the AWS identity that is meant for it, and no other',
  async (part) => {
    const given = world.environment(part)
    const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = given
    const own = part.toUpperCase()
    const one = await spawn(part, {
      AWS_ACCESS_KEY_ID: 'SANDBOXOFNOBODY',
      [`${own}_AWS_ACCESS_KEY_ID`]: AWS_ACCESS_KEY_ID,
      [`${own}_AWS_SECRET_ACCESS_KEY`]: AWS_SECRET_ACCESS_KEY,
    })
    expect(await one.outcome).toBe('ready')
    const asked = { scope: 's3://finance-reports/2026/', levels: ['write'], reason: 'month-end fix' }
    if (part === 'web') expect((await world.call('rita', '/requests', asked, one)).status).toBe(201)
    expect(one.output()).not.toContain('AWS did not do what it was asked')
    expect(one.output()).not.toContain('could not be checked')
  },
)

describe('one parent with two children', () => {
  async function startFamily(): Promise<Spawned> {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = world.environment('workers')
    const one = await spawn(undefined, {
      WORKERS_AWS_ACCESS_KEY_ID: AWS_ACCESS_KEY_ID ?? '',
      WORKERS_AWS_SECRET_ACCESS_KEY: AWS_SECRET_ACCESS_KEY ?? '',
    })
    await vi.waitFor(() => expect(one.output().match(/"msg":"ready"/g)).toHaveLength(2), SOON)
    return one
  }

  test('a child that dies is started again, loudly, and the other one stays', async () => {
    const family = await startFamily()
    const [web = 0] = childIds(family, 'web')
    process.kill(web, 'SIGKILL')
    await vi.waitFor(() => expect(family.output().match(/"msg":"ready"/g)).toHaveLength(3), SOON)
    expect(family.output()).toContain('a child died and is started again')
    expect(childIds(family, 'web')).toHaveLength(2)
    expect(childIds(family, 'workers')).toHaveLength(1)
    expect(await status(`${family.url}/readyz`)).toBe(200)
  })

  test('SIGTERM stops both in order and ends with 0', async () => {
    const family = await startFamily()
    const children = [...childIds(family, 'web'), ...childIds(family, 'workers')]
    family.child.kill('SIGTERM')
    expect(await ended(family)).toBe(0)
    expect(children.filter(isAlive)).toEqual([])
    expect(family.output().match(/"msg":"stopped"/g)).toHaveLength(2)
  })

  test('children do not outlive a parent that was killed', async () => {
    const family = await startFamily()
    const children = [...childIds(family, 'web'), ...childIds(family, 'workers')]
    family.child.kill('SIGKILL')
    await vi.waitFor(() => expect(children.filter(isAlive)).toEqual([]), SOON)
  })
})

describe('the package', () => {
  const run = promisify(execFile)
  const packed = z.tuple([z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) })])
  /** npm adds these to every package; the image needs no copy of them. */
  const ONLY_IN_THE_PACKAGE: readonly string[] = ['README.md', 'latchkey.example.yaml']

  let folder: string
  let files: readonly string[]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-package-'))
    const words = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
    const [{ filename, files: listed }] = packed.parse(JSON.parse((await run('npm', words, { cwd: PROJECT })).stdout))
    files = listed.map(({ path }) => path)
    await run('tar', ['-xzf', join(folder, filename), '-C', folder])
    await symlink(join(PROJECT, 'node_modules'), join(folder, 'package/node_modules'))
    await mkdir(join(folder, 'empty'))
  })

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  test.each(['web', 'workers'] as const)(
    'starts from an empty folder, templates and scripts included: %s',
    async (part) => {
      const main = join(folder, 'package/dist/src/main.js')
      const env = world.environment(part, await freePort())
      const one = spawnLatchkey(part, env, { main, cwd: join(folder, 'empty') })
      spawned.push(one)
      expect(await one.outcome, one.output()).toBe('ready')
    },
  )

  test('holds what the image holds, and nothing else', async () => {
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
