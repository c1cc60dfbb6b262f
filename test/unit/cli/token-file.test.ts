import { mkdtempSync, rmSync } from 'node:fs'
import { readFile, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { withLock } from '../../../src/cli/token-file.ts'

const home = mkdtempSync(join(tmpdir(), 'latchkey-lock-'))
const lock = join(home, 'latchkey', 'refresh.lock')

beforeAll(() => void vi.stubEnv('XDG_CONFIG_HOME', home))
afterAll(() => rmSync(home, { recursive: true }))

test('a lock is gone after its work', async () => {
  expect(await withLock(() => readFile(lock, 'utf8'))).toMatch(/./)
  await expect(readFile(lock)).rejects.toThrow('ENOENT')
})

test('whoever was taken for dead leaves the lock of the next one alone', async () => {
  await withLock(() => writeFile(lock, 'the token of another process'))
  expect(await readFile(lock, 'utf8')).toBe('the token of another process')
  const old = new Date(Date.now() - 60_000)
  await utimes(lock, old, old)
  expect(await withLock(async () => 'taken over')).toBe('taken over')
})
