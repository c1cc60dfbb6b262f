#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { operatorCommands } from './cli/operator/operator-commands.ts'
import { personCommands } from './cli/person/person-commands.ts'
import { run } from './cli/program/run-command.ts'

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

await run(program, process.argv.slice(2))
