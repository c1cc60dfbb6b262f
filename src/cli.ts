#!/usr/bin/env node
import { Command } from 'commander'
import { personCommands } from './cli/person.ts'
import { Problem } from './cli/problem.ts'
import { LatchkeyError } from './errors.ts'

/** One clear sentence on stderr: `credential_process` shows it to the person, and it never holds a secret. */
function sentenceOf(error: unknown): string {
  if (error instanceof Problem || error instanceof LatchkeyError) return error.message
  // Errors of the sign-in library may carry tokens; their names and codes do not.
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
  return `Something went wrong${code}. Try again; if it stays, run \`latchkey login\`.`
}

const program = new Command('latchkey')
  .description('Access to S3 for as long as a task takes. Set LATCHKEY_URL to the address of your Latchkey.')
  .showHelpAfterError()
personCommands(program)

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${sentenceOf(error)}\n`)
  process.exitCode = 1
}
