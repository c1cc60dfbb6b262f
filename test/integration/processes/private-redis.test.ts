import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type PrivateRedis, startRedis } from '../../../bootstrap/redis.mjs'

const bootstrap = fileURLToPath(new URL('../../../bootstrap/', import.meta.url))
const patience = { timeout: 20_000, interval: 20 }

async function privateRedis(): Promise<PrivateRedis> {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  return redis
}

async function withClient<T>(redis: PrivateRedis, act: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redis.url, { maxRetriesPerRequest: 1 })
  try {
    return await act(client)
  } finally {
    client.disconnect()
  }
}

/** False also for a zombie: pid 1 of a container may collect an ended process late or never. */
function isAlive(pid: number): boolean {
  const list = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return list.stdout.trim() !== '' && !list.stdout.trim().startsWith('Z')
}

/** Starts a process that starts a private Redis, prints its socket, and then does what `ending` says. */
async function parentOf(
  ending: string,
): Promise<{ parent: ChildProcess; lines: AsyncIterator<string>; pid: number; dir: string }> {
  const script = `
    import { startRedis } from ${JSON.stringify(join(bootstrap, 'redis.mjs'))}
    const redis = await startRedis()
    console.log(JSON.stringify({ pid: redis.pid, dir: redis.dir }))
    ${ending}`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(() => void parent.kill('SIGKILL'))
  const lines = createInterface({ input: parent.stdout })[Symbol.asyncIterator]()
  const { value } = await lines.next()
  return { parent, lines, ...(JSON.parse(value) as { pid: number; dir: string }) }
}

const waysOut = [
  { way: 'its parent is killed with kill -9', ending: 'setInterval(() => {}, 1e6)', signal: 'SIGKILL' as const },
  { way: 'its parent is told to terminate', ending: 'setInterval(() => {}, 1e6)', signal: 'SIGTERM' as const },
  { way: 'somebody types Ctrl-C', ending: 'setInterval(() => {}, 1e6)', signal: 'SIGINT' as const },
  { way: 'its parent throws', ending: 'throw new Error("on purpose")', signal: undefined },
  { way: 'its parent leaves without stopping it', ending: 'process.exit(0)', signal: undefined },
]

test.each(waysOut)('a private Redis goes away, folder and all, when $way', async ({ ending, signal }) => {
  const { parent, pid, dir } = await parentOf(ending)
  if (signal !== undefined) parent.kill(signal)
  await vi.waitFor(() => {
    expect(isAlive(pid)).toBe(false)
    expect(existsSync(dir)).toBe(false)
  }, patience)
})

test('a Redis that crashed leaves no folder when its parent is killed too', async () => {
  const { parent, lines, dir } = await parentOf(
    'await redis.kill9(); console.log("crashed"); setInterval(() => {}, 1e6)',
  )
  await lines.next()
  parent.kill('SIGKILL')
  await vi.waitFor(() => expect(existsSync(dir)).toBe(false), patience)
})

test('a restarted Redis loses nothing that it acknowledged, killed or stopped', async () => {
  const redis = await privateRedis()
  for (const round of [1, 2]) {
    const before = redis.pid
    await withClient(redis, async (client) => {
      await Promise.all(Array.from({ length: 500 }, (_, n) => client.rpush('acknowledged', `${round}-${n}`)))
    })
    if (round === 1) await redis.kill9()
    await redis.restart()
    expect(redis.pid).not.toBe(before)
    expect(await withClient(redis, (client) => client.llen('acknowledged'))).toBe(round * 500)
  }
})

test('a private Redis is reachable by its owner only, keeps an append-only file and evicts nothing', async () => {
  const redis = await privateRedis()
  const settings = await withClient(redis, (client) =>
    client.config('GET', 'port', 'appendfsync', 'appendonly', 'maxmemory-policy'),
  )
  expect(settings).toEqual(
    expect.arrayContaining([
      'port',
      '0',
      'appendfsync',
      'always',
      'appendonly',
      'yes',
      'maxmemory-policy',
      'noeviction',
    ]),
  )
  expect((await stat(redis.dir)).mode & 0o777).toBe(0o700)
})

test('what a crashed run left behind is swept, what a live run uses is not', async () => {
  const living = await privateRedis()
  const left = join(dirname(living.dir), `latchkey-run-left-${process.pid}`)
  onTestFinished(() => rm(left, { recursive: true, force: true }))
  const gone = spawn(process.execPath, ['-e', ''])
  await once(gone, 'exit')
  await mkdir(left, { mode: 0o700 })
  await writeFile(join(left, 'owner'), String(gone.pid))
  await privateRedis()
  expect(existsSync(left)).toBe(false)
  expect(await withClient(living, (client) => client.ping())).toBe('PONG')
})

async function seenByCommand(environment: NodeJS.ProcessEnv): Promise<{ url: string; code: number | null }> {
  const words = [join(bootstrap, 'with-redis.mjs'), process.execPath, '-p', 'process.env.REDIS_URL']
  const child = spawn(process.execPath, words, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  const [url, [code]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number | null]>])
  return { url: url.trim(), code }
}

test('a Redis that was named is used, and left running with what it holds', async () => {
  const named = await privateRedis()
  await withClient(named, (client) => client.set('theirs', 'kept'))
  expect(await seenByCommand({ ...process.env, REDIS_URL: named.url })).toEqual({ url: named.url, code: 0 })
  expect(await withClient(named, (client) => client.get('theirs'))).toBe('kept')
})

test('a Redis that was not named is never touched, not even on the usual port', async (context) => {
  let connections = 0
  const bystander = createServer((connection) => {
    connections += 1
    connection.destroy()
  })
  const started = await new Promise<boolean>((resolve) => {
    bystander.once('error', () => resolve(false))
    bystander.listen(6379, '127.0.0.1', () => resolve(true))
  })
  if (!started) context.skip('port 6379 is taken on this machine')
  onTestFinished(() => void bystander.close())
  const { REDIS_URL: _, ...unnamed } = process.env
  const seen = await seenByCommand(unnamed)
  expect(seen.code).toBe(0)
  expect(seen.url).toMatch(/^\/.*\/redis\.sock$/)
  expect(connections).toBe(0)
})
