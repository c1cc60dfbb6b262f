// Prepares what every command needs on a fresh machine: the packages of the lock file, a compiled dist/, a Redis and a certificate authority.
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createAuthority } from './authority.mjs'
import { projectRoot } from './find-redis.mjs'
import { startRedis } from './redis.mjs'
import { run } from './run.mjs'

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(join(projectRoot, path), 'utf8')).packages
  } catch (fault) {
    if (fault.code === 'ENOENT') return undefined
    throw fault
  }
}

/** npm writes node_modules/.package-lock.json last, so a broken installation has none. Optional packages may belong to other platforms. */
function isInstalled() {
  const installed = packagesOf('node_modules/.package-lock.json')
  if (installed === undefined) return false
  const wanted = Object.entries(packagesOf('package-lock.json')).filter(
    ([path, { optional }]) => path !== '' && !optional,
  )
  return wanted.every(([path, { version }]) => installed[path]?.version === version)
}

async function runOrThrow(words, nextStep) {
  // npm and tsc print on standard error, because standard output belongs to the command's own last line.
  const code = await run(words[0], words.slice(1), {}, { cwd: projectRoot, stdio: ['ignore', 2, 2] })
  if (code !== 0) throw new Error(`\`${words.join(' ')}\` ended with ${code}. ${nextStep}`)
}

export async function install() {
  if (isInstalled()) return
  process.stderr.write('Installing the packages of the lock file …\n')
  await runOrThrow(
    ['npm', 'ci', '--no-audit', '--no-fund'],
    'Check the connection to the npm registry, then try again.',
  )
}

export async function compile() {
  await runOrThrow([process.execPath, 'node_modules/typescript/bin/tsc', '-p', '.'], 'The faults are listed above.')
}

/** Without this check a command would wait silently for a named Redis that is down. Only a Redis on this machine is accepted, because the sandbox refuses others. */
async function demandReachable(named) {
  const url = /^rediss?:/.test(named) && URL.canParse(named) ? new URL(named) : undefined
  const socket = named.replace(/^unix:(\/\/)?/, '')
  if (!url && !socket.startsWith('/')) throw new Error('REDIS_URL is redis://127.0.0.1:port or the path of a socket.')
  const connection = connect(url ? { host: url.hostname, port: Number(url.port || 6379) } : { path: socket })
  try {
    await once(connection, 'connect', { signal: AbortSignal.timeout(5_000) })
  } catch {
    throw new Error(
      `There is no Redis at ${url ? url.host : socket}. Start it, or leave REDIS_URL out: a private one is started then.`,
    )
  } finally {
    connection.destroy()
  }
}

/** Runs `act` with a Redis (the named one, which is never changed here, or a private one) and the certificate authority. */
export async function withSurroundings(act) {
  const named = process.env.REDIS_URL
  if (named) await demandReachable(named)
  const authority = await createAuthority()
  const forget = () => rmSync(authority.environment.LATCHKEY_TEST_CA_DIR, { recursive: true, force: true })
  process.once('exit', forget)
  const redis = named ? undefined : await startRedis()
  try {
    return await act({
      ...authority.environment,
      REDIS_URL: named ?? redis.url,
      // The pinned SDK runs on Node 20. Its notice about later versions would hide the output that matters.
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    })
  } finally {
    await redis?.stop()
    await authority.remove()
    process.off('exit', forget)
  }
}

/** Runs a script. An error becomes one readable text and exit code 1. */
export async function main(work) {
  try {
    process.exitCode = await work()
  } catch (fault) {
    process.stderr.write(`${fault instanceof Error ? fault.message : String(fault)}\n`)
    process.exitCode = 1
  }
}
