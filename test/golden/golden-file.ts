import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import { PROJECT } from '../../sandbox/project.ts'

/**
 * Data that the code of commit bc0697b made. `UPDATE_GOLDEN=1 npm test -- test/golden` rewrites them. The commit must then say
 * why what is stored or seen outside may change.
 */

const FOLDER = join(PROJECT, 'test/golden/data')
export const IS_UPDATE = process.env.UPDATE_GOLDEN === '1'

export function readGolden(name: string): unknown {
  const path = join(FOLDER, name)
  if (!existsSync(path)) return undefined
  return JSON.parse(readFileSync(path, 'utf8'))
}

export function writeGolden(name: string, value: unknown): void {
  const path = join(FOLDER, name)
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)
  execFileSync(process.execPath, [join(PROJECT, 'node_modules/@biomejs/biome/bin/biome'), 'format', '--write', path])
}

/** Compares the value, as JSON, with the file. */
export function expectGolden(name: string, value: unknown): void {
  if (IS_UPDATE) writeGolden(name, value)
  expect(JSON.parse(JSON.stringify(value)), `test/golden/data/${name}`).toEqual(readGolden(name))
}

export interface Line {
  readonly name: string
}

/** A file of named values, one per line, for long data. */
function readLines(name: string): ReadonlyMap<string, unknown> {
  const path = join(FOLDER, name)
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []
  return new Map(
    lines.map((line) => {
      const one: Line = JSON.parse(line)
      return [one.name, one]
    }),
  )
}

function writeLines(name: string, lines: readonly Line[]): void {
  writeFileSync(join(FOLDER, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

/** Compares each value with its line; both must have the same names. */
export function expectLines(name: string, lines: readonly Line[]): void {
  if (IS_UPDATE) writeLines(name, lines)
  const known = readLines(name)
  expect(known.size, `lines of test/golden/data/${name}`).toBeGreaterThan(0)
  expect(lines.map((line) => line.name)).toEqual([...known.keys()])
  const asJson: readonly Line[] = JSON.parse(JSON.stringify(lines))
  const differing = asJson.filter((line) => !isDeepStrictEqual(line, known.get(line.name)))
  expect(differing).toEqual(differing.map((line) => known.get(line.name)))
}
