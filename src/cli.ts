#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { operatorCommands } from './cli/operator/operator-commands.ts'
import { personCommands } from './cli/person/person-commands.ts'
import { Problem } from './cli/problem.ts'
import { LatchkeyError } from './errors.ts'

/** One sentence for stderr, which `credential_process` shows to the person. It never contains a secret. */
function sentenceOf(error: unknown): string {
  if (error instanceof Problem || error instanceof LatchkeyError) return error.message
  // The message of an error of the sign-in library may contain a token. Its code does not.
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
  return `Something went wrong${code}. Try again; if it stays, run \`latchkey login\`.`
}

/** The version in the package.json two folders above `dist/src/cli.js`. */
function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const manifest: { readonly version: string } = JSON.parse(text)
  return manifest.version
}

/**
 * The program that reads the output may close it early, as `head` does. The command must still finish: `approve` prints
 * the request before it sends the decision.
 */
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
