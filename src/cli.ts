#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { operatorCommands } from './cli/operator/operator-commands.ts'
import { personCommands } from './cli/person/person-commands.ts'
import { Problem } from './cli/problem.ts'
import { LatchkeyError } from './errors.ts'

/** One clear sentence on stderr: `credential_process` shows it to the person, and it never holds a secret. */
function sentenceOf(error: unknown): string {
  if (error instanceof Problem || error instanceof LatchkeyError) return error.message
  // Errors of the sign-in library may carry tokens; their names and codes do not.
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
  return `Something went wrong${code}. Try again; if it stays, run \`latchkey login\`.`
}

/** Of the package that this runs from: `dist/src/cli.js`. */
function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const manifest: { readonly version: string } = JSON.parse(text)
  return manifest.version
}

/** Whoever reads may stop before the end, as `head` does. What was asked for is done all the same: `approve` prints before it decides. */
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })

const program = new Command('latchkey')
  .description('Access to S3 for as long as a task takes. Set LATCHKEY_URL to the address of your Latchkey.')
  .version(version())
  .showHelpAfterError()
personCommands(program)
operatorCommands(program)

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${sentenceOf(error)}\n`)
  process.exitCode = 1
}
