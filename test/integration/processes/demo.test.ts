import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { compiled } from '../../../sandbox/project.ts'

const SOON = { timeout: 50_000, interval: 50 }
/** A parent process that starts the demo and is then killed. */
const PARENT = `
import { spawn } from 'node:child_process'
spawn(process.execPath, ['${compiled('sandbox/demo/main.js')}'], { stdio: 'inherit' })
`

let temporary: string

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'latchkey-demo-test-'))
})

afterAll(async () => {
  await rm(temporary, { recursive: true, force: true })
})

test('a demo has a terminal ready for its people and for the operator; killed, it leaves no folder behind', async () => {
  const { REDIS_URL: _, ...environment } = process.env
  const parent = spawn(process.execPath, ['--input-type=module', '-e', PARENT], {
    env: { ...environment, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [parent.stdout, parent.stderr]) stream.on('data', (chunk) => (said += String(chunk)))
  await vi.waitFor(() => expect(said).toContain('Ctrl-C ends everything.'), SOON)
  expect(said).not.toContain('WARNING')
  for (const [name, command, seen] of [
    ['Max', 'latchkey grants', 'You are not signed in.'],
    ['operator', 'latchkey doctor', '0 wrong'],
  ] as const) {
    const line = new RegExp(`^  ${name} +(\\. '.+')$`, 'm').exec(said)?.[1] ?? 'exit 9'
    const ran = spawnSync('sh', ['-c', `${line}; ${command} 2>&1`], {
      env: { PATH: process.env.PATH },
      encoding: 'utf8',
    })
    expect(ran.stdout).toContain(seen)
  }
  const folders = async () => (await readdir(temporary)).filter((name) => /^latchkey-(demo|world)-/.test(name))
  expect(await folders()).toHaveLength(2)
  parent.kill('SIGKILL')
  await vi.waitFor(async () => expect(await readdir(temporary)).toEqual([]), SOON)
})
