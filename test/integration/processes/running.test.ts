import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { compiled } from '../../../sandbox/project.ts'

/** A process that logs as ours do and writes a hundred lines just before it ends. */
const SCRIPT = `
import { openLog } from '${pathToFileURL(compiled('src/config/log.js'))}'
import { exitOnCrash, stopOnSignal } from '${pathToFileURL(compiled('src/main/running.js'))}'
const log = openLog({ logLevel: 'info' }, 'web')
const talk = () => { for (let line = 0; line < 100; line += 1) log.info({ line }, 'talking') }
exitOnCrash(log)
stopOnSignal(log, () => ({ stop: async () => talk() }))
process.on('message', () => { talk(); throw new Error('nobody expected this') })
process.send('ready')
`

const started: ChildProcess[] = []

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

async function start() {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  started.push(child)
  await once(child, 'message')
  if (child.stdout === null) throw new Error('It has no standard output.')
  return { child, output: child.stdout }
}

async function endOf(child: ChildProcess) {
  const [code, signal] = await once(child, 'close')
  return { code, signal }
}

const WAYS = [
  ['that is stopped', (child: ChildProcess) => child.kill('SIGTERM'), 0],
  ['that crashes', (child: ChildProcess) => child.send('crash'), 70],
] as const

describe.each(WAYS)('a process %s', (_way, end, code) => {
  test('ends where nobody reads its log any more', async () => {
    const { child, output } = await start()
    output.destroy()
    end(child)
    expect(await endOf(child)).toEqual({ code, signal: null })
  })

  test('has said everything before it ends', async () => {
    const { child, output } = await start()
    let said = ''
    output.on('data', (chunk) => {
      said += String(chunk)
    })
    end(child)
    expect(await endOf(child)).toEqual({ code, signal: null })
    expect(said.match(/talking/g)).toHaveLength(100)
    expect(said).toMatch(code === 0 ? /stopped/ : /crashed/)
  })
})
