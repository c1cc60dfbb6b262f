import { type ChildProcess, fork } from 'node:child_process'
import { type Part, partEnvironment } from '../config/environment.ts'
import type { Environment } from '../config/faults.ts'

/** One parent, two children, so that nothing a person clicks ever waits for a revoke, nor the other way round. */

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** A child that lived this long is not in a loop of crashes. */
const SETTLED_MS = 60_000
const KILL_AFTER_MS = 30_000
const EXIT_REFUSED = 1

export interface Family {
  /** Every child's end, after which the parent may go. */
  stop(): Promise<void>
}

interface FamilyDeps {
  readonly script: string
  readonly env: Environment
  readonly parts: readonly Part[]
  readonly say: (line: object) => void
  /** A child says that it must not run like this: nothing is started again. */
  readonly onRefused: () => void
}

export function startChildren({ script, env, parts, say, onRefused }: FamilyDeps): Family {
  const children = parts.map((part) =>
    keepAlive(() => fork(script, [part], { env: { ...partEnvironment(env, part) } }), {
      say: (line) => say({ child: part, ...line }),
      onRefused,
    }),
  )
  return {
    async stop() {
      await Promise.all(children.map((child) => child.stop()))
    },
  }
}

interface KeepDeps {
  readonly say: (line: object) => void
  readonly onRefused: () => void
}

function keepAlive(start: () => ChildProcess, { say, onRefused }: KeepDeps): Family {
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
      say({ level: 'error', code, signal, againInMilliseconds: pauseMs, msg: 'a child died and is started again' })
      timer = setTimeout(() => {
        child = begin()
      }, pauseMs)
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    })
    say({ level: 'info', pid: next.pid, msg: 'started a child' })
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
