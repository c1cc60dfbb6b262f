// Folders of our own under the temporary folder; what crashed runs left behind is swept away by the next one.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const prefix = 'latchkey-run-'
export const socketName = 'redis.sock'

// A socket's path may be at most 108 bytes long; macOS's own temporary folder is long already.
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

/** One PING on a connection of its own; `false` where nobody answers (yet). */
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

/** Stale is only our own folder, whose owner is gone and whose socket nobody serves (two containers may share /tmp). */
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
      // Another run may start or sweep at the same moment; what is not there any more needs no sweeping.
      if (fault.code !== 'ENOENT') throw fault
    }
  }
}

/** A fresh folder, readable by this person only; whoever made it removes it. */
export async function createPrivateFolder() {
  await sweep()
  const folder = await mkdtemp(join(parent(), prefix))
  await writeFile(join(folder, 'owner'), String(process.pid))
  return folder
}
