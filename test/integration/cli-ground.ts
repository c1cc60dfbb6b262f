import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

/** The real AWS CLI, many times over: as a Python package in one process where it is one, otherwise one process each time. */

export interface CliOrder {
  readonly environment: Readonly<Record<string, string>>
  readonly folder: string
  readonly args: readonly string[]
}

const answer = z.object({ code: z.int(), said: z.string() })
export type CliAnswer = z.infer<typeof answer>

export interface Cli {
  run(order: CliOrder): Promise<CliAnswer>
  stop(): void
}

const BATCH = fileURLToPath(new URL('cli-batch.py', import.meta.url))

export const hasAwsCli = spawnSync('aws', ['--version'], { stdio: 'ignore' }).status === 0
const isPackage = spawnSync('python3', ['-c', 'import awscli.clidriver'], { stdio: 'ignore' }).status === 0

export function startCli(): Cli {
  return isPackage ? inOneProcess(spawn('python3', [BATCH])) : { run: runAlone, stop: () => undefined }
}

function inOneProcess(child: ChildProcessWithoutNullStreams): Cli {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let problems = ''
  child.stderr.on('data', (text) => {
    problems += text
  })
  return {
    async run(order) {
      child.stdin.write(`${JSON.stringify(order)}\n`)
      const { value, done } = await lines.next()
      if (done)
        throw new Error(
          `The AWS CLI ended (${child.exitCode ?? child.signalCode}) at ${order.args.join(' ')}: ${problems}`,
        )
      return answer.parse(JSON.parse(value))
    },
    stop: () => child.kill(),
  }
}

async function runAlone({ environment, folder, args }: CliOrder): Promise<CliAnswer> {
  const child = spawn('aws', args, { cwd: folder, env: { PATH: process.env.PATH, ...environment } })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      said += text
    })
  }
  const code = await new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? -1)))
  return { code, said }
}
