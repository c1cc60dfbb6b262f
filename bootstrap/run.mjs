// Runs one command in the foreground, as a shell would.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/** The command is in our process group, so Ctrl-C reaches it too. It decides how to end, and this process waits for it. */
export async function run(command, words, environment = {}, options = {}) {
  const child = spawn(command, words, { stdio: 'inherit', env: { ...process.env, ...environment }, ...options })
  const pass = (signal) => child.kill(signal)
  const wait = () => {}
  process.on('SIGTERM', pass)
  process.on('SIGINT', wait)
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]))
    })
  } finally {
    process.off('SIGTERM', pass)
    process.off('SIGINT', wait)
  }
}
