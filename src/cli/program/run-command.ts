import type { Command } from 'commander'
import { LatchkeyError } from '../../errors.ts'
import { Problem } from '../problem.ts'

/** One sentence for stderr, which `credential_process` shows to the person. It never contains a secret. */
function sentenceOf(error: unknown): string {
  if (error instanceof Problem || error instanceof LatchkeyError) return error.message
  // The message of an error of the sign-in library may contain a token. Its code does not.
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
  return `Something went wrong${code}. Try again; if it stays, run \`latchkey login\`.`
}

/** Runs one command. A failure is printed as one sentence and sets exit status 1. */
export async function run(program: Command, words: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    process.stderr.write(`${sentenceOf(error)}\n`)
    process.exitCode = 1
  }
}
