import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { enterEnvironment, type Part, partEnvironment } from './config/environment.ts'
import { ConfigFaults } from './config/faults.ts'
import { checkSetup, readSetup, type Setup } from './config.ts'
import { startChildren } from './main/children.ts'
import { exitOnCrash, type Running, reportReady, stopOnSignal } from './main/running.ts'

/**
 * `main.js` starts both parts as child processes. `main.js web` and `main.js workers` run one part in this process. A
 * part is imported after its settings were checked and its Redis answered: faults are reported fast, and the parent
 * stays small.
 */

const PARTS: readonly Part[] = ['web', 'workers']

async function startPart(part: Part, setup: Setup, log: Logger): Promise<Running> {
  const { startRedis } = await import('./main/start-redis.ts')
  const redis = await startRedis(setup.config, log)
  if (part === 'web') return await (await import('./main/web.ts')).startWeb(setup, redis, log)
  return await (await import('../workers/main.ts')).startWorkersPart(setup, redis, log)
}

async function runPart(part: Part): Promise<void> {
  // The pinned AWS SDK runs on Node 20. Its notice about the Node versions of later SDKs is of no use to an operator.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  const env = partEnvironment(process.env, part)
  const setup = readSetup(env, part)
  enterEnvironment(env)
  const { openLog } = await import('./config/log.ts')
  const log = openLog(setup.config, part)
  let running: Running | undefined
  exitOnCrash(log)
  stopOnSignal(log, () => running)
  running = await startPart(part, setup, log)
  log.info({ sandbox: setup.config.sandbox }, 'ready')
  reportReady()
}

function runBoth(): void {
  checkSetup(process.env, PARTS)
  const log = (line: object) =>
    process.stdout.write(`${JSON.stringify({ part: 'parent', time: Date.now(), ...line })}\n`)
  let stopping = false
  async function stopAndExit(exitCode: number): Promise<void> {
    if (stopping) return
    stopping = true
    await children.stop()
    process.exit(exitCode)
  }
  const children = startChildren({
    script: fileURLToPath(import.meta.url),
    env: process.env,
    parts: PARTS,
    log,
    onRefused: () => void stopAndExit(1),
  })
  process.on('SIGTERM', () => void stopAndExit(0))
  process.on('SIGINT', () => void stopAndExit(0))
}

async function main(argument: string | undefined): Promise<void> {
  const part = PARTS.find((name) => name === argument)
  if (part !== undefined) return await runPart(part)
  if (argument !== undefined)
    throw new ConfigFaults([{ name: argument, problem: 'say web, workers or nothing (both)' }])
  runBoth()
}

try {
  await main(process.argv[2])
} catch (error) {
  const text =
    error instanceof ConfigFaults
      ? error.message
      : `Latchkey was not started: ${error instanceof Error ? error.stack : error}`
  process.stderr.write(`${text}\n`)
  process.exit(1)
}
