// A private Redis for tests and demo: a socket in a folder of its own, append-only, removed whichever way this process ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findRedis } from './find-redis.mjs'
import { answers, createPrivateFolder, isAlive, socketName } from './private-folder.mjs'

export { findRedis }

const startWithinMs = 30_000

// `exit` handlers do not run on SIGKILL, but the kernel closes our end of a pipe. The pipe is descriptor 3, because Node closes the standard input when the server ends.
// At the end of the pipe the inner shell removes the folder and kills the whole process group. While the inner shell lives, the group's number cannot be reused.
const guard = `
folder=$1; shift
"$@" </dev/null 3<&- &
server=$!
( trap '' TERM INT HUP; read -r word <&3; [ "$word" = stopped ] && exit 0; rm -rf -- "$folder"; kill -s KILL -- "-$$" ) >/dev/null 2>&1 &
exec 3<&-
echo "$server"
wait "$server"
`

function settings(dir, durability) {
  return [
    ...['--port', '0', '--unixsocket', join(dir, socketName), '--unixsocketperm', '700', '--dir', dir],
    ...['--appendonly', 'yes', '--appendfsync', durability, '--save', '', '--maxmemory-policy', 'noeviction'],
    ...['--daemonize', 'no', '--logfile', join(dir, 'redis.log')],
  ]
}

async function launch({ program, environment }, dir, durability) {
  const output = openSync(join(dir, 'output'), 'a')
  const shell = spawn('sh', ['-c', guard, 'latchkey-redis', dir, program, ...settings(dir, durability)], {
    // In a process group of its own, because Ctrl-C must reach only the application, which may still write while it drains.
    detached: true,
    cwd: dir,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', output, 'pipe'],
  })
  closeSync(output)
  const lifeline = shell.stdio[3]
  lifeline.on('error', (fault) => {
    if (fault.code !== 'EPIPE') throw fault
  })
  const ended = once(shell, 'exit')
  const [line] = await Promise.race([once(shell.stdout, 'data'), ended])
  shell.stdout.destroy()
  return { shell, lifeline, ended, pid: Number(line) }
}

function lastWords(dir) {
  return ['output', 'redis.log'].map((name) => {
    try {
      return readFileSync(join(dir, name), 'utf8').trim().split('\n').slice(-5).join('\n')
    } catch (fault) {
      return fault.code === 'ENOENT' ? '' : fault.message
    }
  })
}

async function untilReady(running, dir) {
  const deadline = performance.now() + startWithinMs
  while (!(await answers(join(dir, socketName)))) {
    if (running.shell.exitCode !== null || performance.now() > deadline) {
      throw new Error(`The private Redis did not start:\n${lastWords(dir).join('\n')}`)
    }
    await delay(10)
  }
}

/** Ends one server and its guard and keeps the folder. Idempotent. */
async function end(running, signal) {
  if (running.shell.exitCode === null && isAlive(running.pid)) process.kill(running.pid, signal)
  await running.ended
}

/** Ends the guard. From here on the caller must remove the folder. */
function dismiss(running) {
  running.lifeline.end('stopped\n')
}

/**
 * Starts a private Redis. `url` is the path of its socket, which ioredis, BullMQ and REDIS_URL accept.
 * `kill9()` ends it as a crash does, `restart()` starts it again on the same folder and socket, `stop()` also removes the folder.
 */
export async function startRedis({ durability = 'always' } = {}) {
  const server = await findRedis()
  const dir = await createPrivateFolder()
  const socket = join(dir, socketName)
  let running

  async function begin() {
    running = await launch(server, dir, durability)
    await untilReady(running, dir)
  }
  async function stop() {
    await end(running, 'SIGTERM')
    dismiss(running)
    await rm(dir, { recursive: true, force: true })
  }
  async function kill9() {
    await end(running, 'SIGKILL')
  }
  async function restart() {
    await end(running, 'SIGTERM')
    dismiss(running)
    await begin()
  }

  try {
    await begin()
  } catch (fault) {
    running?.lifeline.destroy()
    throw fault
  }
  return {
    url: socket,
    socket,
    dir,
    stop,
    kill9,
    restart,
    get pid() {
      return running.pid
    },
  }
}
