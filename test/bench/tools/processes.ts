import { fork } from 'node:child_process'
import { once } from 'node:events'
import { compiled } from '../../../sandbox/project.ts'
import { type Environment, endProcess } from '../../fixtures/world.ts'

export interface RunningProcess {
  readonly url: string
  stop(): Promise<void>
}

/** Starts a compiled file as a process and waits until it is ready. Its log is discarded, because reading it would cost the client's time. */
export async function startQuiet(file: string, words: readonly string[], env: Environment): Promise<RunningProcess> {
  const child = fork(compiled(file), words, { env, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const ready = await Promise.race([once(child, 'message').then(() => true), once(child, 'exit').then(() => false)])
  if (!ready) throw new Error(`${file} ended with ${child.exitCode} before it was ready.`)
  return { url: `http://127.0.0.1:${env.PORT}`, stop: () => endProcess(child, 'SIGTERM') }
}

/** Runs the work and then closes everything that it registered, the last first. */
export async function closing<T>(work: (closeLater: (close: () => unknown) => void) => Promise<T>): Promise<T> {
  const closers: (() => unknown)[] = []
  try {
    return await work((close) => void closers.push(close))
  } finally {
    for (const close of closers.reverse()) await close()
  }
}
