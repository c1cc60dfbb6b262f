import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Low to high: a file imports only lower ranks or its own folder. */
const ranks: readonly (readonly string[])[] = [
  ['errors'],
  ['async', 'mac', 'package-root'],
  ['audit', 'jobs'],
  ['store'],
  ['rules'],
  ['policies', 'messages', 'signing-keys'],
  ['grants'],
  ['access-requests'],
  ['oversight'],
  ['views'],
  ['cards'],
  ['workers'],
  ['interactions'],
  ['teams', 'outlook', 'graph', 'entra', 'aws', 'redis', 'http', 'pages'],
  ['config'],
  ['dependencies'],
  ['main', 'cli', 'workers/main'],
]
const edges = ['teams', 'outlook', 'graph', 'entra', 'aws', 'redis', 'http', 'pages']
const joiners = ['config', 'dependencies', 'main', 'cli', 'workers/main']

/** Inside these folders the subfolders are ranked too; files that lie directly in the folder come first. */
const subranks: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'src/grants': [['attach'], ['session'], ['revoke-in-aws.ts'], ['recovery'], ['credentials']],
  'src/aws': [['inspect'], ['session', 'attach'], ['driver.ts'], ['feed', 'doctor']],
}

/** The folders that may import each package. A package that is not listed may be imported nowhere. */
const homes: readonly (readonly [name: RegExp, folders: readonly string[] | 'anywhere'])[] = [
  [/^zod$/, 'anywhere'],
  [/^p-limit$/, ['async']],
  [/^yaml$/, ['rules']],
  [/^(bullmq|ioredis)$/, ['redis']],
  [/^@microsoft\/microsoft-graph-client$/, ['graph']],
  [/^@azure\/identity$/, ['graph', 'teams']],
  [/^(jose|openid-client)$/, ['signing-keys', 'entra', 'cli']],
  [/^iron-session$/, ['pages']],
  [/^ghtml$/, ['cards', 'pages']],
  [/^@(aws-sdk|smithy)\//, ['aws']],
  [/^botbuilder/, ['teams']],
  [/^(adaptivecards-templating|adaptive-expressions)$/, ['cards']],
  [/^(fastify-type-provider-zod|@fastify\/swagger)$/, ['http']],
  [/^(fastify|@fastify\/.*)$/, [...edges, 'main', 'workers/main']],
  [/^commander$/, ['cli']],
  [/^pino$/, [...edges, ...joiners, 'workers']],
  [/^(prom-client|@opentelemetry\/api)$/, [...edges, ...joiners]],
]

interface Source {
  readonly path: string
  readonly text: string
}

function filesUnder(folder: string): string[] {
  const absolute = join(root, folder)
  if (!existsSync(absolute)) return []
  const entries = readdirSync(absolute, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)))
}

function sources(...folders: string[]): Source[] {
  const paths = folders.flatMap(filesUnder).filter((path) => path.endsWith('.ts'))
  return paths.sort().map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

const shipped = sources('src', 'workers')
const tests = sources('test', 'sandbox')

function importsOf(text: string): string[] {
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"\n]+)['"]/g)
  return [...found].flatMap(([, specifier]) => specifier ?? [])
}

/** The ranked folder of a file: `src/rules/scope.ts` → `rules`, `src/errors.ts` → `errors`, `workers/x.ts` → `workers`. */
function houseOf(path: string): string {
  const [top, next = ''] = path.split('/')
  if (top === 'workers') return path === 'workers/main.ts' ? 'workers/main' : 'workers'
  return top === 'src' ? next.replace(/\.ts$/, '') : (top ?? '')
}

function rankOf(house: string): number {
  return ranks.findIndex((names) => names.includes(house))
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return true
  // `main`, which starts everything, may import the start of the workers.
  if (from === 'main' && to === 'workers/main') return true
  // Only workers/main.ts imports a handler or loop.
  if (to === 'workers') return from === 'workers/main'
  return rankOf(to) >= 0 && rankOf(to) < rankOf(from)
}

/** 0 for a file directly in the ranked folder. */
function subrankOf(path: string, folder: string): number {
  const [next = ''] = path.slice(folder.length + 1).split('/')
  return (subranks[folder] ?? []).findIndex((names) => names.includes(next)) + 1
}

function breaksSubrank(from: string, to: string): boolean {
  const folder = Object.keys(subranks).find((one) => from.startsWith(`${one}/`) && to.startsWith(`${one}/`))
  if (folder === undefined || dirname(from) === dirname(to)) return false
  return subrankOf(to, folder) >= subrankOf(from, folder)
}

function resolved(source: Source, specifier: string): string {
  return relative(root, join(root, dirname(source.path), specifier))
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function* imports(list: readonly Source[]) {
  for (const source of list) for (const specifier of importsOf(source.text)) yield { source, specifier }
}

function linesMatching(list: readonly Source[], pattern: RegExp): string[] {
  return list.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
  )
}

function trackedFiles(): Source[] {
  const list = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean)
  const present = list.filter((path) => existsSync(join(root, path)))
  return present.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

describe('the house', () => {
  test('every folder of src has a rank', () => {
    expect(shipped.filter(({ path }) => rankOf(houseOf(path)) < 0).map(({ path }) => path)).toEqual([])
  })

  test('a file imports only lower ranks or its own folder', () => {
    const breaches = [...imports(shipped)].flatMap(({ source, specifier }) => {
      if (!specifier.startsWith('.')) return []
      const target = resolved(source, specifier)
      return mayImport(houseOf(source.path), houseOf(target)) ? [] : [`${source.path} → ${target}`]
    })
    expect(breaches).toEqual([])
  })

  test('inside grants and aws a file imports only lower subfolders or its own', () => {
    const breaches = [...imports(shipped)].flatMap(({ source, specifier }) => {
      if (!specifier.startsWith('.')) return []
      const target = resolved(source, specifier)
      return breaksSubrank(source.path, target) ? [`${source.path} → ${target}`] : []
    })
    expect(breaches).toEqual([])
  })

  test('elsewhere a subfolder imports files of its parent, or is imported by them, never both', () => {
    const down = new Set<string>()
    const up = new Set<string>()
    for (const { source, specifier } of imports(shipped)) {
      if (!specifier.startsWith('.')) continue
      const [from, to] = [dirname(source.path), dirname(resolved(source, specifier))]
      if (Object.keys(subranks).some((folder) => from.startsWith(folder))) continue
      if (to === dirname(from) && from.split('/').length > 2) up.add(from)
      if (from === dirname(to) && from.split('/').length > 1) down.add(to)
    }
    expect([...up].filter((folder) => down.has(folder))).toEqual([])
  })

  test('no two files import each other, over however many steps', () => {
    const next = new Map<string, string[]>()
    for (const { source, specifier } of imports(shipped))
      if (specifier.startsWith('.'))
        next.set(source.path, [...(next.get(source.path) ?? []), resolved(source, specifier)])
    const done = new Set<string>()
    const circles: string[] = []
    function visit(path: string, above: readonly string[]): void {
      if (above.includes(path)) circles.push([...above.slice(above.indexOf(path)), path].join(' → '))
      if (done.has(path)) return
      done.add(path)
      for (const one of next.get(path) ?? []) visit(one, [...above, path])
    }
    for (const { path } of shipped) visit(path, [])
    expect(circles).toEqual([])
  })

  test('nothing that ships imports a test or the sandbox, and the sandbox imports nothing that ships', () => {
    const breaches = [...imports(shipped)].filter(({ source, specifier }) =>
      /^(test|sandbox|bootstrap)\//.test(resolved(source, specifier)),
    )
    const fromSandbox = [...imports(sources('sandbox'))].filter(
      ({ source, specifier }) => specifier.startsWith('.') && /^(src|workers)\//.test(resolved(source, specifier)),
    )
    expect([...breaches, ...fromSandbox].map(({ source, specifier }) => `${source.path} ${specifier}`)).toEqual([])
  })

  test('what a message, a click or a form means is told in the words of any room', () => {
    expect(linesMatching(sources('src/interactions'), /teams|outlook|activity|invoke|serviceUrl|botbuilder/i)).toEqual(
      [],
    )
  })

  test('relative imports end in .ts', () => {
    const breaches = [...imports(shipped)].filter(
      ({ specifier }) => /^\./.test(specifier) && !specifier.endsWith('.ts'),
    )
    expect(breaches.map(({ source, specifier }) => `${source.path} ${specifier}`)).toEqual([])
  })

  test('a package is imported only in its own home', () => {
    const breaches = [...imports(shipped)].flatMap(({ source, specifier }) => {
      if (/^(\.|node:)/.test(specifier)) return []
      const name = packageOf(specifier)
      const allowed = homes.find(([pattern]) => pattern.test(name))?.[1] ?? []
      return allowed === 'anywhere' || allowed.includes(houseOf(source.path)) ? [] : [`${source.path} ${name}`]
    })
    expect(breaches).toEqual([])
  })

  test('what ships imports only packages that are installed for production', () => {
    const manifest = z
      .object({ dependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')))
    const breaches = [...imports(shipped)].filter(
      ({ specifier }) => !/^(\.|node:)/.test(specifier) && !(packageOf(specifier) in manifest.dependencies),
    )
    expect(breaches.map(({ source, specifier }) => `${source.path} ${specifier}`)).toEqual([])
  })
})

describe('the form', () => {
  test('no file of src or workers is longer than 200 lines', () => {
    const long = shipped.map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    expect(long.filter(({ lines }) => lines > 200)).toEqual([])
  })

  test('types are not talked away', () => {
    const pattern = /\bas (unknown as|any)\b|:\s*any\b|<any\b|@ts-(ignore|expect-error|nocheck)/
    expect(linesMatching(shipped, pattern)).toEqual([])
  })

  test('the limits of size and style are not switched off in a file', () => {
    expect(
      linesMatching(shipped, /biome-ignore.*(noExplicitAny|noExcessive|noNonNull|noEmptyBlock)|biome-ignore-all/),
    ).toEqual([])
  })

  test('no error is swallowed', () => {
    const empty = /\bcatch\s*(\([^)]*\))?\s*\{\s*\}|\.catch\(\s*(async\s*)?\([^)]*\)\s*=>\s*\{\s*\}\s*\)/
    expect(shipped.filter(({ text }) => empty.test(text)).map(({ path }) => path)).toEqual([])
    // A `.catch` that returns a value is handled by the code that reads the value. One in a statement of its own loses the error.
    const unseen = /^\s*(void |await )?[^=]*\.catch\(\s*\([^)]*\)\s*=>\s*(undefined|null)\s*\)/
    expect(linesMatching(shipped, unseen)).toEqual([])
  })

  test('nothing is left for later', () => {
    const pattern = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`)
    expect(linesMatching([...shipped, ...tests], pattern)).toEqual([])
  })

  test('names come from the field, not from the drawer of all things', () => {
    const drawers = shipped.filter(({ path }) =>
      /(^|[/-])(utils?|helpers?|common|misc|services?|index)(\.ts|\/|-)/.test(path),
    )
    expect(drawers.map(({ path }) => path)).toEqual([])
    expect(linesMatching(shipped, /^export \* from/)).toEqual([])
  })

  test('no test is switched off, and none replaces our own code', () => {
    const pattern = new RegExp(`\\b(test|it|describe)\\.(skip|only|${'to' + 'do'})\\b|\\bvi\\.(do)?mock\\(`)
    expect(linesMatching(tests, pattern)).toEqual([])
  })
})

describe('what is public', () => {
  test('every installed package has a permissive licence', () => {
    const lock = z
      .object({
        packages: z.record(z.string(), z.object({ license: z.string().optional(), dev: z.boolean().optional() })),
      })
      .parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')))
    const permissive =
      /^(MIT|MIT-0|ISC|0BSD|Apache-2\.0|BSD-[23]-Clause|BlueOak-1\.0\.0|CC0-1\.0|Unlicense|Python-2\.0)$/
    // Weak copyleft, used only by the test runner's bundler and not in what we ship.
    const developmentOnly = /^MPL-2\.0$/
    // Its package.json names no licence; its LICENSE file is the MIT licence.
    const read: ReadonlySet<string> = new Set(['node_modules/jspath'])
    const others = Object.entries(lock.packages).filter(([path, { license = 'none', dev = false }]) => {
      const choices = license.replace(/[()]/g, '').split(' OR ')
      return (
        path !== '' &&
        !read.has(path) &&
        !choices.some((name) => permissive.test(name) || (dev && developmentOnly.test(name)))
      )
    })
    expect(others.map(([path, { license }]) => `${path} ${license ?? 'no licence named'}`)).toEqual([])
  })

  test('tracked files name no registry and no place of one machine', (context) => {
    if (!existsSync(join(root, '.git'))) context.skip('no git: this is a copy of the tree, not a clone')
    const machine = /(?<![\w.}\])])\/(?:root|work|home\/\w+|Users\/\w+)\//
    const tools = /\bfarm-[a-z]+/
    const host = /"resolved":\s*"https?:/
    const own = process.env.npm_config_registry === undefined ? [] : [new URL(process.env.npm_config_registry).host]
    const breaches = trackedFiles().filter(
      ({ text }) =>
        machine.test(text) || tools.test(text) || host.test(text) || own.some((name) => text.includes(name)),
    )
    expect(breaches.map(({ path }) => path)).toEqual([])
  })
})
