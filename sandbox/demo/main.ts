import { rmSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startWorld, type World } from '../../test/fixtures/world.ts'
import { PEOPLE } from '../entra/fixture.ts'
import { PROJECT } from '../project.ts'
import { tellStory } from './story.ts'
import { writeOperatorTerminal, writeTerminal } from './terminal.ts'

/** `npm run demo`: starts the sandbox and Latchkey on this machine. `--story` plays only the story; `--json` prints the sandbox's journal. */

const { values } = parseArgs({ options: { story: { type: 'boolean' }, json: { type: 'boolean' } } })
const alone = values.story === true || values.json === true

const ASK = 'request write s3://finance-reports/2026/ for 5m because month-end fix'

interface Step {
  readonly at: string
  readonly step: string
  readonly seen: string
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Prints the story's steps, the calls to Teams and the calls to AWS in order of time. */
function printJournal({ aws, teams }: World, steps: readonly Step[]): void {
  const lines = [
    ...steps.map((step) => ({ from: 'story', ...step })),
    ...teams.journal.entries().map(({ from, ...call }) => ({ from: 'teams', by: from, ...call })),
    ...aws.journal.entries().map((call) => ({ from: 'aws', ...call })),
  ]
  for (const line of lines.sort((one, other) => (one.at < other.at ? -1 : 1))) print(JSON.stringify(line))
}

async function story(world: World, folder: string): Promise<void> {
  const startedAt = performance.now()
  const steps: Step[] = []
  await tellStory(world, folder, (step, seen) => {
    steps.push({ at: new Date().toISOString(), step, seen })
    if (values.json) return
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1).padStart(5)
    const number = String(steps.length).padStart(2)
    print(`${seconds} s  ${number}  ${step}\n            ${seen.replaceAll('\n', '\n            ')}`)
  })
  if (values.json) printJournal(world, steps)
  else print('\nThe story holds.')
}

async function invite(world: World, folder: string): Promise<void> {
  const rita = await writeTerminal(world, 'rita', folder)
  const max = await writeTerminal(world, 'max', folder)
  const operator = await writeOperatorTerminal(world, folder)
  print(`
Latchkey is running, with a sandbox for Teams, Entra, mail and AWS. Open in a browser:

  Teams: Rita (analyst, asks) and Max (her manager, decides) side by side
    ${world.teams.pageUrl('rita', 'max')}
  Max's mailbox: the same request by mail, with a link to its page
    ${world.entra.mailboxUrl(PEOPLE.max)}

Terminals: in a new one for each, this line first (it gets a home folder of its own, and \`latchkey\`):

  Rita      ${rita}
  Max       ${max}
  operator  ${operator}

1. As Rita, in her chat with Latchkey, write   request   for a form, or in one line
     ${ASK}
   In the channel, mention Latchkey first.
2. As Max, press Approve on the card, or on the page behind the mail's link. The sandbox signs with a throw-away certificate:
   let the browser go on, and pick Max. Or in his terminal:
     latchkey login && latchkey requests --to-review     and then   latchkey approve r-…
3. As Rita, in her terminal (with the AWS CLI on the PATH), with the grant's id from her card:
     latchkey login && latchkey profile g-…
     echo 41 > report.csv && aws s3 cp report.csv s3://finance-reports/2026/ --profile latchkey-g-…
   The write shows on that card.
4. "Done, end my access" on her card, \`latchkey done g-…\`, or wait for the end: the same \`aws s3 cp\` is refused then.
5. As the operator:
     latchkey check-config     latchkey doctor     latchkey aws check     latchkey recover

Ctrl-C ends everything.`)
  await new Promise<void>((resolve) => {
    // The terminal sends a signal to all processes and npm forwards it once more. The second one must not end this process before it has cleaned up.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve())
  })
}

/** Restarts workers that died, as `npm start` does. */
async function keepWorkers(world: World): Promise<void> {
  const { child } = await world.startWorkers()
  child.once('exit', (_code, signal) => {
    if (signal === null || signal === 'SIGTERM') return
    print(`The workers ended by ${signal}. They are started again; what waited goes on.`)
    void keepWorkers(world)
  })
}

/** Exits when the parent process is gone, even after kill -9, because then nobody can press Ctrl-C. */
function leaveWithParent(): void {
  const parent = process.ppid
  setInterval(() => process.ppid === parent || process.exit(1), 1_000).unref()
}

leaveWithParent()
const folder = await mkdtemp(join(tmpdir(), 'latchkey-demo-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const redisUrl = process.env.REDIS_URL
const world = await startWorld({
  watch: true,
  rules: await readFile(join(PROJECT, 'latchkey.example.yaml'), 'utf8'),
  ...(redisUrl === undefined ? {} : { redisUrl }),
})
try {
  await keepWorkers(world)
  await (alone ? story(world, folder) : invite(world, folder))
} catch (error) {
  process.exitCode = 1
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${world.output()}\n`)
} finally {
  await world.stop()
}
