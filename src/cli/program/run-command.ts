import type { Command } from 'commander'
import { LatchkeyError } from '../../errors.ts'
import { Problem } from '../problem.ts'

/** One clear sentence on stderr: `credential_process` shows it to the person, and it never holds a secret. */
function sentenceOf(error: unknown): string {
  if (error instanceof Problem || error instanceof LatchkeyError) return error.message
  // Errors of the sign-in library may carry tokens; their names and codes do not.
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
  return `Something went wrong${code}. Try again; if it stays, run \`latchkey login\`.`
}

/** Runs one command; what went wrong is a sentence and exit status 1. */
export async function run(program: Command, words: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    process.stderr.write(`${sentenceOf(error)}\n`)
    process.exitCode = 1
  }
}
