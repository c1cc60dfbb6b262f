#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { operatorCommands } from './cli/operator/operator-commands.ts'
import { personCommands } from './cli/person/person-commands.ts'
import { run } from './cli/program/run-command.ts'

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

await run(program, process.argv.slice(2))
