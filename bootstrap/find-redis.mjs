// Finds a Redis server without installing anything on the machine: on the PATH, else Debian's package unpacked into ./.redis. Plain JavaScript without dependencies, because it runs before `npm ci`.
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
export const projectRoot = fileURLToPath(new URL('../', import.meta.url))
const unpackedRoot = join(projectRoot, '.redis')

const howToInstall = `No Redis 6.2 or newer was found. Type one of these, then the same command again:
  Debian  sudo apt-get install redis-server
  macOS   brew install redis
  Docker  docker run -d -p 127.0.0.1:6379:6379 redis:7 --appendonly yes --appendfsync always --maxmemory-policy noeviction && export REDIS_URL=redis://127.0.0.1:6379`

async function exists(path, mode = constants.F_OK) {
  return access(path, mode).then(
    () => true,
    () => false,
  )
}

/** True when the program starts and reports version 6.2 or newer. Valkey starts at 7.2, so the same comparison holds. */
async function isNewEnough(program, environment) {
  try {
    const { stdout } = await run(program, ['--version'], { env: { ...process.env, ...environment } })
    const [, major, minor] = /\bv=(\d+)\.(\d+)/.exec(stdout) ?? []
    return Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 2)
  } catch (fault) {
    // A program of another architecture or without its libraries does not count; the next candidate is tried.
    process.stderr.write(`${program} cannot be used: ${fault.message.split('\n')[0]}\n`)
    return false
  }
}

async function findOnPath() {
  for (const name of ['valkey-server', 'redis-server']) {
    for (const folder of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
      const program = join(folder, name)
      if ((await exists(program, constants.X_OK)) && (await isNewEnough(program, {})))
        return { program, environment: {} }
    }
  }
  return undefined
}

async function findUnpacked() {
  const root = join(unpackedRoot, 'root')
  const program = join(root, 'usr/bin/redis-server')
  if (!(await exists(program, constants.X_OK))) return undefined
  const libraries = join(root, 'usr/lib')
  const triplets = (await readdir(libraries)).filter((name) => name.includes('-linux-'))
  const folders = triplets.flatMap((name) => [join(libraries, name), join(root, 'lib', name)])
  const environment = { LD_LIBRARY_PATH: folders.join(':') }
  return (await isNewEnough(program, environment)) ? { program, environment } : undefined
}

/** Runs apt with folders of our own, so that it needs neither root nor the machine's package lists. */
function apt(workspace, ownLists, ...words) {
  const options = [
    `Dir::Cache=${workspace}/cache`,
    `Dir::State::status=/var/lib/dpkg/status`,
    'Debug::NoLocking=1',
    // When root runs apt, it drops to a user who may not write into our folder.
    'APT::Sandbox::User=root',
    'Acquire::Retries=2',
    ...(ownLists ? [`Dir::State::lists=${workspace}/lists`] : []),
  ]
  return run('apt-get', ['-q', ...options.flatMap((option) => ['-o', option]), ...words], { timeout: 300_000 })
}

/** Downloads redis-server and the packages that this machine lacks for it. apt decides which. */
async function downloadPackages(workspace) {
  const words = ['install', '--yes', '--download-only', '--no-install-recommends', 'redis-server']
  try {
    await apt(workspace, false, ...words)
  } catch (fault) {
    // The package lists are empty on a fresh machine and may be stale on an old one.
    process.stderr.write('Reading the package lists of Debian into a private folder …\n')
    await apt(workspace, true, 'update').catch((updateFault) =>
      process.stderr.write(`${updateFault.stderr ?? fault}\n`),
    )
    await apt(workspace, true, ...words)
  }
  const archives = join(workspace, 'cache/archives')
  return (await readdir(archives)).filter((name) => name.endsWith('.deb')).map((name) => join(archives, name))
}

async function unpackFromDebian() {
  if (!(await exists('/usr/bin/apt-get')) || !(await exists('/usr/bin/dpkg'))) return undefined
  process.stderr.write("No redis-server on the PATH: unpacking Debian's package into ./.redis …\n")
  await mkdir(unpackedRoot, { recursive: true })
  const workspace = await mkdtemp(join(unpackedRoot, 'unpack-'))
  try {
    for (const folder of ['cache/archives/partial', 'lists/partial', 'root'])
      await mkdir(join(workspace, folder), { recursive: true })
    for (const archive of await downloadPackages(workspace)) await run('dpkg', ['-x', archive, join(workspace, 'root')])
    await rm(join(unpackedRoot, 'root'), { recursive: true, force: true })
    await rename(join(workspace, 'root'), join(unpackedRoot, 'root'))
  } catch (fault) {
    process.stderr.write(`Debian's package could not be unpacked: ${fault.stderr || fault.message}\n`)
  } finally {
    await rm(workspace, { recursive: true, force: true })
  }
  return findUnpacked()
}

/** Returns the program to start and its environment. @throws one line each for Debian, macOS and Docker when there is none */
export async function findRedis() {
  const found = (await findOnPath()) ?? (await findUnpacked()) ?? (await unpackFromDebian())
  if (found === undefined) throw new Error(howToInstall)
  return found
}
