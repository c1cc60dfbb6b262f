import { type ChildProcess, fork } from 'node:child_process'
import { type Part, partEnvironment } from '../config/environment.ts'
import type { Environment } from '../config/faults.ts'

/** The parent starts each part in a process of its own, so that clicks and revocations never wait for each other. */

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** A child that ran this long is not in a loop of crashes: its next restart waits `FIRST_PAUSE_MS` again. */
const SETTLED_MS = 60_000
const KILL_AFTER_MS = 30_000
/** The exit status of a part whose settings or Redis are not acceptable, see `src/main.ts`. */
const EXIT_REFUSED = 1

export interface Children {
  /** Resolves when every child has ended. The parent may exit then. */
  stop(): Promise<void>
}

interface ChildrenDeps {
  readonly script: string
  readonly env: Environment
  readonly parts: readonly Part[]
  readonly log: (line: object) => void
  /** Called when a child refused to start. It is not started again. */
  readonly onRefused: () => void
}

export function startChildren({ script, env, parts, log, onRefused }: ChildrenDeps): Children {
  const children = parts.map((part) =>
    supervise(() => fork(script, [part], { env: { ...partEnvironment(env, part) } }), {
      log: (line) => log({ child: part, ...line }),
      onRefused,
    }),
  )
  return {
    async stop() {
      await Promise.all(children.map((child) => child.stop()))
    },
  }
}

interface SupervisorDeps {
  readonly log: (line: object) => void
  readonly onRefused: () => void
}

function supervise(start: () => ChildProcess, { log, onRefused }: SupervisorDeps): Children {
  let pauseMs = FIRST_PAUSE_MS
  let stopping = false
  let timer: NodeJS.Timeout | undefined
  let child = begin()

  function begin(): ChildProcess {
    const startedAt = performance.now()
    const next = start()
    let ready = false
    next.on('message', (message) => {
      ready ||= message === 'ready'
    })
    next.once('exit', (code, signal) => {
      if (stopping) return
      if (code === EXIT_REFUSED && !ready) return onRefused()
      if (performance.now() - startedAt > SETTLED_MS) pauseMs = FIRST_PAUSE_MS
      log({ level: 'error', code, signal, againInMilliseconds: pauseMs, msg: 'a child died and is started again' })
      timer = setTimeout(() => {
        child = begin()
      }, pauseMs)
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    })
    log({ level: 'info', pid: next.pid, msg: 'started a child' })
    return next
  }

  return {
    async stop() {
      stopping = true
      clearTimeout(timer)
      await ended(child)
    },
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill('SIGTERM')
  })
}
