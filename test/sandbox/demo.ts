import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compiled, PROJECT } from './project.ts'
import { tellStory } from './story.ts'
import { openTerminal } from './terminal.ts'
import { startWorld, type World } from './world.ts'

/** `npm run demo`: the sandbox and Latchkey on this machine. `--story` plays the main job alone; `--json` prints the sandbox's own journal. */

const { values } = parseArgs({ options: { story: { type: 'boolean' }, json: { type: 'boolean' } } })
const alone = values.story === true || values.json === true

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function story(world: World, folder: string): Promise<void> {
  const startedAt = performance.now()
  let step = 0
  await tellStory(world, folder, (what, seen) => {
    step += 1
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1).padStart(5)
    if (!values.json)
      print(
        `${seconds} s  ${String(step).padStart(2)}  ${what}\n            ${seen.replaceAll('\n', '\n            ')}`,
      )
  })
  if (values.json) for (const entry of world.aws.journal.entries()) print(JSON.stringify(entry))
  else print('\nThe story holds.')
}

async function invite(world: World, folder: string): Promise<void> {
  const people = [
    { name: 'rita', does: 'Rita Reyes, financial analyst: asks' },
    { name: 'max', does: 'Max Mertens, her manager: decides' },
  ] as const
  print('\nLatchkey is running, with a sandbox for AWS and Entra. Open one terminal for each person and paste:\n')
  for (const { name, does } of people) {
    const { environment } = await openTerminal(world, name, folder)
    const names = Object.keys(environment).filter((key) =>
      /^(HOME|XDG_|NODE_EXTRA_|LATCHKEY_|AWS_(ENDPOINT|.*REGION))/.test(key),
    )
    print(`${does}. The sandbox signs with a throw-away certificate: let the browser go on, and pick this person.\n`)
    print(`export ${names.map((key) => `${key}='${environment[key]}'`).join(' ')}`)
    print(`latchkey() { '${process.execPath}' '${compiled('src/cli.js')}' "$@"; }`)
    print('latchkey login\n')
  }
  print('Then, as Rita:\n')
  print('latchkey request write s3://finance-reports/2026/ --for 5m --because "month-end fix"')
  print('\nAs Max, with the id that Rita was given:\n')
  print('latchkey requests --to-review && latchkey approve r-…')
  print('\nAs Rita, with the grant id that `latchkey grants` shows:\n')
  print(
    `aws configure set profile.month-end.credential_process "${process.execPath} ${compiled('src/cli.js')} credentials g-…"`,
  )
  print('echo 41 > report.csv && aws s3 cp report.csv s3://finance-reports/2026/ --profile month-end')
  print('latchkey grants')
  print('\nEnd it early, or wait; the same `aws s3 cp` is refused then:\n')
  print('latchkey done g-…\n')
  print('Ctrl-C ends everything.')
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}

/** When whoever started us is gone, even by kill -9, nobody is left to press Ctrl-C. */
function leaveWithParent(): void {
  const parent = process.ppid
  setInterval(() => process.ppid === parent || process.exit(1), 1_000).unref()
}

leaveWithParent()
const folder = await mkdtemp(join(tmpdir(), 'latchkey-demo-'))
const redisUrl = process.env.REDIS_URL
const world = await startWorld({
  watch: true,
  rules: await readFile(join(PROJECT, 'latchkey.example.yaml'), 'utf8'),
  ...(redisUrl === undefined ? {} : { redisUrl }),
})
try {
  await world.startWorkers()
  await (alone ? story(world, folder) : invite(world, folder))
} catch (error) {
  process.exitCode = 1
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${world.output()}\n`)
} finally {
  await world.stop()
  await rm(folder, { recursive: true, force: true })
}
