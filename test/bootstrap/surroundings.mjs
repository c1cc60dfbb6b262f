// What every command on a fresh machine needs: the packages of the lock file, a compiled dist/, a Redis, an authority.
import { readFileSync, rmSync } from 'node:fs'
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

/** npm writes node_modules/.package-lock.json last: a broken installation has none. Optional packages are of other platforms. */
function isInstalled() {
  const installed = packagesOf('node_modules/.package-lock.json')
  if (installed === undefined) return false
  const wanted = Object.entries(packagesOf('package-lock.json')).filter(
    ([path, { optional }]) => path !== '' && !optional,
  )
  return wanted.every(([path, { version }]) => installed[path]?.version === version)
}

async function runOrThrow(words, nextStep) {
  // Standard output belongs to the command's own last line, so npm and tsc speak on standard error.
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

/** Redis (the named one, which nobody touches, or a private one) and the authority, while `act` runs. */
export async function withSurroundings(act) {
  const authority = await createAuthority()
  const forget = () => rmSync(authority.environment.LATCHKEY_TEST_CA_DIR, { recursive: true, force: true })
  process.once('exit', forget)
  const named = process.env.REDIS_URL
  const redis = named ? undefined : await startRedis()
  try {
    return await act({ ...authority.environment, REDIS_URL: named ?? redis.url })
  } finally {
    await redis?.stop()
    await authority.remove()
    process.off('exit', forget)
  }
}

/** Runs a script's work; a fault is one readable text for the person at the terminal, and exit code 1. */
export async function main(work) {
  try {
    process.exitCode = await work()
  } catch (fault) {
    process.stderr.write(`${fault instanceof Error ? fault.message : String(fault)}\n`)
    process.exitCode = 1
  }
}
