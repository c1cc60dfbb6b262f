// Our folders below the temporary folder. Each run removes what crashed runs left behind.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const prefix = 'latchkey-run-'
export const socketName = 'redis.sock'

// A socket's path has at most 108 bytes, and the temporary folder of macOS is already long.
function parent() {
  return tmpdir().length > 60 ? '/tmp' : tmpdir()
}

export function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (fault) {
    return fault.code === 'EPERM'
  }
}

/** Sends one PING on a connection of its own; false when nobody answers. */
export function answers(socket) {
  return new Promise((resolve) => {
    const connection = createConnection(socket)
    connection.once('connect', () => connection.write('PING\r\n'))
    connection.once('data', (answer) => {
      connection.destroy()
      resolve(answer.toString().startsWith('+PONG'))
    })
    connection.once('error', () => resolve(false))
    connection.once('close', () => resolve(false))
  })
}

/** A folder is stale when it is ours, its owner is gone and nobody serves its socket. Two containers may share /tmp. */
async function isStale(folder) {
  if ((await stat(folder)).uid !== process.getuid()) return false
  const owner = Number(await readFile(join(folder, 'owner'), 'utf8'))
  return !isAlive(owner) && !(await answers(join(folder, socketName)))
}

async function sweep() {
  for (const name of (await readdir(parent())).filter((entry) => entry.startsWith(prefix))) {
    const folder = join(parent(), name)
    try {
      if (await isStale(folder)) await rm(folder, { recursive: true, force: true })
    } catch (fault) {
      // Another run may have removed it at the same moment.
      if (fault.code !== 'ENOENT') throw fault
    }
  }
}

/** Creates a folder that only this user can read. The caller removes it. */
export async function createPrivateFolder() {
  await sweep()
  const folder = await mkdtemp(join(parent(), prefix))
  await writeFile(join(folder, 'owner'), String(process.pid))
  return folder
}
