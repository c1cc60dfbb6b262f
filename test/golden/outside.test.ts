import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { PROJECT } from '../../sandbox/project.ts'
import type { Product } from '../fixtures/product.ts'
import { auditPaths, messagePaths, termsPaths } from './from-src.ts'
import { expectGolden, expectLines, IS_UPDATE, readGolden, writeGolden } from './golden-file.ts'
import { closeCalls } from './http-call.ts'
import { findNames, type Names } from './names.ts'
import { type RouteLine, seeMetrics, seeOpenApi, seeRoutes } from './routes.ts'
import { playStory, startStory } from './story.ts'

/** What is stored and seen outside equals what commit bc0697b stored and showed. All tests share one world. */

let product: Product
let routes: readonly RouteLine[]
let found: Names

beforeAll(async () => {
  product = await startStory()
  routes = await seeRoutes(product)
  found = await findNames(product, await playStory(product))
  if (IS_UPDATE) updateNames()
}, 150_000)

afterAll(async () => {
  closeCalls()
  await product?.stop()
})

const FILE = 'stored-names.json'
const list = z.array(z.string())
const namesFile = z.record(
  z.string(),
  z.strictObject({
    /** Names that the story always writes. */
    story: list.min(1),
    /** Names that the story writes or not, depending on the machine's speed. */
    sometimes: list.optional(),
    /** Names that are stored or seen outside, but not in the story. */
    elsewhere: list.optional(),
  }),
)

const readNames = () => namesFile.parse(readGolden(FILE))

/** Keeps the classes `sometimes` and `elsewhere`. A name that the source lists and the story does not write becomes `elsewhere`. */
function updateNames(): void {
  const before = namesFile.safeParse(readGolden(FILE)).data ?? {}
  const entries = Object.entries(found).map(([kind, names]) => {
    const { sometimes = [], elsewhere = [] } = before[kind] ?? {}
    const story = names.filter((name) => !sometimes.includes(name))
    const known = new Set([...story, ...sometimes])
    const others = [...new Set([...elsewhere, ...(listed()[kind] ?? [])])].filter((name) => !known.has(name)).sort()
    return [
      kind,
      { story, ...(sometimes.length > 0 && { sometimes }), ...(others.length > 0 && { elsewhere: others }) },
    ]
  })
  writeGolden(FILE, Object.fromEntries(entries))
}

/** All possible names, where the source lists them. */
function listed(): Names {
  const auditFields = auditPaths()
  const recordFields = [
    ...termsPaths().map((path) => `grant.terms.${path}`),
    ...messagePaths().map((path) => `copy.${path}`),
  ]
  return { auditFields, auditKinds: kindsIn(auditFields), recordFields }
}

function kindsIn(auditFields: readonly string[]): readonly string[] {
  return [...new Set(auditFields.flatMap((name) => /^[\w-]+\.[\w-]+(?=\.)/.exec(name)?.[0] ?? []))]
}

function allOf(kind: string): readonly string[] {
  const { story = [], sometimes = [], elsewhere = [] } = readNames()[kind] ?? {}
  return [...story, ...sometimes, ...elsewhere]
}

describe('names that are stored or seen outside', () => {
  test('of every kind were looked for and found', () => {
    expect(Object.keys(found).sort()).toEqual(Object.keys(readNames()).sort())
  })

  test('of the story are all in the file', () => {
    const unknown = Object.entries(found).flatMap(([kind, names]) =>
      names.filter((name) => !allOf(kind).includes(name)).map((name) => `${kind}: ${name}`),
    )
    expect(unknown).toEqual([])
  })

  test('of the file that the story meets are all there still', () => {
    const gone = Object.entries(readNames()).flatMap(([kind, { story }]) =>
      story.filter((name) => !found[kind]?.includes(name)).map((name) => `${kind}: ${name}`),
    )
    expect(gone).toEqual([])
  })

  test('are in the file once, whether the story meets them or not', () => {
    for (const kind of Object.keys(readNames())) expect(new Set(allOf(kind)).size, kind).toBe(allOf(kind).length)
  })
})

/** Where the source lists all possible names, the file lists the same, with those that the story does not write. */
describe('names that the source lists', () => {
  const { auditFields = [], auditKinds = [], recordFields = [] } = listed()

  test('are those of audit events', () => {
    expect([...allOf('auditFields')].sort()).toEqual(auditFields)
    expect([...allOf('auditKinds')].sort()).toEqual(auditKinds)
  })

  test('are those of the terms of grants and of copies', () => {
    const ofThem = allOf('recordFields').filter((name) => /^(grant\.terms|copy)\./.test(name))
    expect([...ofThem].sort()).toEqual([...recordFields].sort())
  })
})

/** The sources that write names. Cards and views are left out, because they only show literals. */
function sourceText(): string {
  const files = ['src', 'workers'].flatMap((folder) =>
    readdirSync(join(PROJECT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
  const writing = files.filter((name) => /\.(ts|lua)$/.test(name) && !/\/(cards|views)\//.test(name))
  return writing.map((name) => readFileSync(join(PROJECT, name), 'utf8')).join('\n')
}

test('names that the story does not meet still stand in the source', () => {
  const text = sourceText()
  const lost = Object.entries(readNames()).flatMap(([kind, { elsewhere = [] }]) =>
    elsewhere
      .filter((name) => !new RegExp(`(?<![\\w-])${wordOf(name)}(?![\\w-])`).test(text))
      .map((name) => `${kind}: ${name}`),
  )
  expect(lost).toEqual([])
})

/** The value of a literal, otherwise the last word of the name. */
function wordOf(name: string): string {
  return name.split(' = ')[1] ?? /[\w-]+(?=\W*$)/.exec(name)?.[0] ?? name
}

describe('answers', () => {
  test('of every route, refusals too', () => {
    expectLines('routes.jsonl', routes)
  })

  test('of the metrics’ page', async () => {
    expectGolden('metrics.json', await seeMetrics(product))
  })

  test('of the description of the API', async () => {
    expectGolden('openapi.json', await seeOpenApi(product))
  })
})
