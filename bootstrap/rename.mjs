// Renames over sources, tests, docs and mutants: `node bootstrap/rename.mjs moves` moves files by bootstrap/moves.txt, `node bootstrap/rename.mjs names` renames identifiers by bootstrap/names.txt. A mutant keeps its effect: its edits are made anew from the renamed file and the renamed mutated file.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'

const root = fileURLToPath(new URL('..', import.meta.url))
const TEXT =
  /\.(ts|mts|mjs|js|json|md|yaml|yml|lua|py|tf|sh|css|txt|toml)$|(^|\/)(Dockerfile|\.dockerignore|\.env\.example|run)$/
const OWN = /^bootstrap\/(rename\.mjs|moves\.txt|names\.txt)$/
const MUTANTS = /^test\/mutants\/[^/]+\.yaml$/

function tracked() {
  return execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path && existsSync(join(root, path)))
}

function lines(name) {
  const text = readFileSync(join(root, 'bootstrap', name), 'utf8')
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith('#'))
}

// --- moves ---------------------------------------------------------------

function readMoves(files) {
  const rules = lines('moves.txt').map((line) => line.split(' → ').map((part) => part.trim()))
  const exact = new Map(rules.filter(([from]) => !from.endsWith('/')))
  const folders = rules.filter(([from]) => from.endsWith('/')).sort((a, b) => b[0].length - a[0].length)
  const to = (path) => {
    if (exact.has(path)) return exact.get(path)
    const folder = folders.find(([from]) => path.startsWith(from))
    return folder ? folder[1] + path.slice(folder[0].length) : path
  }
  const known = new Set(files)
  for (const from of exact.keys()) if (!known.has(from)) console.error(`no such file: ${from}`)
  return { to, folders }
}

function mover(files) {
  const { to, folders } = readMoves(files)
  const known = new Set(files)
  const dirs = new Set(
    files.flatMap((path) =>
      path
        .split('/')
        .slice(0, -1)
        .map((_, index, all) => all.slice(0, index + 1).join('/')),
    ),
  )
  const moved = files.filter((path) => to(path) !== path)
  const mentions = new Map()
  for (const path of moved) {
    mentions.set(path, to(path))
    const bare = (text) => text.replace(/(\.test)?\.(d\.mts|ts|mjs)$/, '$1')
    if (/\.(ts|mjs)$/.test(path)) mentions.set(bare(path), bare(to(path)))
    if (path.endsWith('.ts'))
      mentions.set(`dist/${path.replace(/\.ts$/, '.js')}`, `dist/${to(path).replace(/\.ts$/, '.js')}`)
  }
  for (const [from, target] of folders) {
    mentions.set(from.slice(0, -1), target.slice(0, -1))
    mentions.set(`dist/${from.slice(0, -1)}`, `dist/${target.slice(0, -1)}`)
  }
  const alternatives = [...mentions.keys()]
    .sort((a, b) => b.length - a.length)
    .map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const mention = alternatives.length
    ? new RegExp(`(?<![\\w./-])(?:${alternatives.join('|')})(?![\\w-])(?!\\.(?:ts|mjs|js|test)\\b)`, 'g')
    : /(?!)/g

  function target(from, specifier, isUrl) {
    const found = normalize(join(dirname(from), specifier)).replace(/\/$/, '')
    if (known.has(found)) return to(found)
    const built = /^dist\/(.+)\.js$/.exec(found)
    if (built && known.has(`${built[1]}.ts`)) return `dist/${to(`${built[1]}.ts`).replace(/\.ts$/, '.js')}`
    if (!isUrl) return undefined
    if (found === '.') return '.'
    if (dirs.has(found)) return to(`${found}/`).replace(/\/$/, '')
    return undefined
  }

  return {
    path: to,
    text(from, text) {
      const home = dirname(to(from))
      const relatives = /(?<before>new URL\(\s*)?(?<quote>['"])(?<specifier>\.\.?(?:\/[^'"\n]*)?|[\w-]+\.py)\k<quote>/g
      const rewritten = /\.(ts|mts|mjs)$/.test(from)
        ? text.replace(relatives, (all, before, quote, specifier) => {
            const goal = target(from, specifier, before !== undefined)
            if (goal === undefined) return all
            const slash = specifier.endsWith('/') ? '/' : ''
            const path = relative(home, goal)
            const written =
              before === undefined || specifier.startsWith('.') ? (path.startsWith('.') ? path : `./${path}`) : path
            return `${before ?? ''}${quote}${specifier === '..' && written === './..' ? '..' : written}${slash}${quote}`
          })
        : text
      return rewritten.replace(mention, (found) => mentions.get(found))
    },
  }
}

// --- names ---------------------------------------------------------------

/** Splits a TypeScript text into code and other text (strings, comments, regular expressions). Code within `${…}` is code. */
export function pieces(text) {
  const found = []
  let start = 0
  let at = 0
  const stack = []
  const cut = (kind, end) => {
    if (end > start) found.push([kind, text.slice(start, end)])
    start = end
  }
  const isRegexHere = () => {
    const before = text.slice(0, at).trimEnd()
    if (before === '') return true
    if (/[\w$)\]}]$/.test(before)) return /(?:^|[^\w$.])(?:return|typeof|case|in|of|void|throw|await)$/.test(before)
    return true
  }
  const template = () => {
    while (at < text.length) {
      if (text[at] === '\\') at += 2
      else if (text[at] === '`') {
        at += 1
        cut('text', at)
        return
      } else if (text.startsWith('${', at)) {
        at += 2
        cut('text', at)
        stack.push(0)
        return
      } else at += 1
    }
    cut('text', at)
  }
  while (at < text.length) {
    const two = text.slice(at, at + 2)
    const one = text[at]
    if (two === '//') {
      cut('code', at)
      const end = text.indexOf('\n', at)
      at = end < 0 ? text.length : end
      cut('comment', at)
    } else if (two === '/*') {
      cut('code', at)
      const end = text.indexOf('*/', at)
      at = end < 0 ? text.length : end + 2
      cut('comment', at)
    } else if (one === '*' && /(^|\n)\s*$/.test(text.slice(0, at)) && found.length === 0 && start === 0) {
      // The snippet begins within a comment.
      const end = text.indexOf('*/', at)
      const line = text.indexOf('\n', at)
      at = end >= 0 ? end + 2 : line < 0 ? text.length : line
      cut('comment', at)
    } else if (one === "'" || one === '"') {
      cut('code', at)
      at += 1
      while (at < text.length && text[at] !== one && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1
      at += 1
      cut('text', at)
    } else if (one === '`') {
      cut('code', at)
      at += 1
      template()
    } else if (one === '/' && isRegexHere()) {
      cut('code', at)
      at += 1
      let isClass = false
      while (at < text.length && text[at] !== '\n' && (isClass || text[at] !== '/')) {
        if (text[at] === '[') isClass = true
        if (text[at] === ']') isClass = false
        at += text[at] === '\\' ? 2 : 1
      }
      at += 1
      cut('text', at)
    } else if (one === '{' && stack.length) {
      stack[stack.length - 1] += 1
      at += 1
    } else if (one === '}' && stack.length) {
      if (stack[stack.length - 1] === 0) {
        stack.pop()
        cut('code', at)
        at += 1
        template()
      } else {
        stack[stack.length - 1] -= 1
        at += 1
      }
    } else at += 1
  }
  cut('code', text.length)
  return found
}

/** Lines `old → new` apply everywhere, `code: old → new` in code only, `in <folder or file>: old → new` in code below that path only. */
function namer() {
  const everywhere = new Map()
  const code = new Map()
  const local = []
  for (const line of lines('names.txt')) {
    const [, scope = '', from, to] = /^(?:(code|in [^:]+):\s*)?(\S+) → (\S+)$/.exec(line) ?? []
    if (from === undefined) throw new Error(`cannot read: ${line}`)
    if (!scope) everywhere.set(from, to)
    else if (scope === 'code') code.set(from, to)
    else local.push({ path: scope.slice(3).trim(), from, to })
  }
  const word = (names) => (names.length ? new RegExp(`(?<![\\w$-])(?:${names.join('|')})(?![\\w$])`, 'g') : /(?!)/g)
  const all = word([...everywhere.keys()])
  const inCode = word([...code.keys()])
  return {
    path: (path) => path,
    text(path, text) {
      const plain = text.replace(all, (found) => everywhere.get(found))
      if (!/\.(ts|mts|mjs)$/.test(path)) return plain
      const own = new Map(
        local
          .filter((one) => one.path.split(',').some((part) => path.startsWith(part)))
          .map(({ from, to }) => [from, to]),
      )
      const ownWords = word([...own.keys()])
      return pieces(plain)
        .map(([kind, piece]) => {
          if (kind !== 'code') return piece
          return piece
            .replace(ownWords, (found) => own.get(found))
            .replace(inCode, (found) => code.get(found))
            .replace(/(?<![\w$])([A-Z]\w*)Needs(?![\w$])/g, code.has('needs') ? '$1Deps' : '$1Needs')
        })
        .join('')
    },
  }
}

// --- mutants -------------------------------------------------------------

function mutated(mutant, read) {
  const texts = new Map()
  for (const { file, find, replace } of mutant.edits) {
    const text = texts.get(file) ?? read(file)
    const at = `\n${text}`.indexOf(`\n${find}`)
    if (at < 0 || `\n${text}`.indexOf(`\n${find}`, at + 1) >= 0)
      throw new Error(`${mutant.name}: not exactly once in ${file}`)
    texts.set(file, text.slice(0, at) + replace + text.slice(at + find.length))
  }
  return texts
}

/** Whole lines, as few as occur exactly once. */
function editsBetween(file, before, after) {
  const a = before.split('\n')
  const b = after.split('\n')
  let top = 0
  while (top < a.length && top < b.length && a[top] === b[top]) top += 1
  let bottom = 0
  while (bottom < a.length - top && bottom < b.length - top && a[a.length - 1 - bottom] === b[b.length - 1 - bottom])
    bottom += 1
  const hunks = hunksOf(a.slice(top, a.length - bottom), b.slice(top, b.length - bottom), top)
  return hunks.map((hunk) => unique(file, before, a, b, hunk))
}

function hunksOf(a, b, offset) {
  // The longest common subsequence; the differing parts are small.
  const n = a.length
  const m = b.length
  const table = Array.from({ length: n + 1 }, () => new Int32Array(m + 1))
  for (let i = n - 1; i >= 0; i -= 1)
    for (let j = m - 1; j >= 0; j -= 1)
      table[i][j] = a[i] === b[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1])
  const hunks = []
  let i = 0
  let j = 0
  let open
  const add = () => {
    open ??= { a0: i, b0: j }
  }
  const close = () => {
    if (open) hunks.push({ a0: open.a0 + offset, a1: i + offset, b0: open.b0 + offset, b1: j + offset })
    open = undefined
  }
  while (i < n || j < m) {
    if (i < n && j < m && a[i] === b[j]) {
      close()
      i += 1
      j += 1
    } else if (j >= m || (i < n && table[i + 1][j] >= table[i][j + 1])) {
      add()
      i += 1
    } else {
      add()
      j += 1
    }
  }
  close()
  // Hunks that are at most two lines apart become one edit.
  return hunks.reduce((all, hunk) => {
    const last = all.at(-1)
    if (last && hunk.a0 - last.a1 <= 2) all[all.length - 1] = { ...last, a1: hunk.a1, b1: hunk.b1 }
    else all.push(hunk)
    return all
  }, [])
}

function unique(file, text, a, b, hunk) {
  let { a0, a1, b0, b1 } = hunk
  for (;;) {
    const whole = (all) => all.map((line) => `${line}\n`).join('')
    const find = whole(a.slice(a0, a1))
    const count = find === '' ? 2 : `\n${text}`.split(`\n${find}`).length - 1
    if (count === 1) return { file, find, replace: whole(b.slice(b0, b1)) }
    const canUp = a0 > 0
    const canDown = a1 < a.length
    if (canUp) {
      a0 -= 1
      b0 -= 1
    }
    if (canDown && (!canUp || (a1 - a0) % 2 === 0)) {
      a1 += 1
      b1 += 1
    }
    if (!canUp && !canDown) throw new Error(`nothing stands once in ${file}`)
  }
}

// --- both ----------------------------------------------------------------

function format(folder) {
  execFileSync(
    'node',
    [
      join(root, 'node_modules/@biomejs/biome/bin/biome'),
      'check',
      '--write',
      '--linter-enabled=false',
      '--files-max-size=4000000',
      '--no-errors-on-unmatched',
      '.',
    ],
    { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
  )
}

function writeAt(folder, path, text) {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

function main(mode) {
  const files = tracked()
  const change = mode === 'moves' ? mover(files) : namer()
  const read = (path) => readFileSync(join(root, path), 'utf8')
  const before = new Map(files.filter((path) => TEXT.test(path) && !OWN.test(path)).map((path) => [path, read(path)]))
  const tables = files.filter((path) => MUTANTS.test(path)).map((path) => ({ path, mutants: parse(before.get(path)) }))
  const work = mkdtempSync(join(tmpdir(), 'rename-'))
  try {
    writeFileSync(
      join(work, 'biome.json'),
      read('biome.json')
        .replace(/"files": \{[\s\S]*?\n {2}\},/, '"root": true,')
        .replace(/"\$schema": "[^"]*",/, ''),
    )
    for (const { mutants } of tables) {
      for (const mutant of mutants) {
        for (const [file, text] of mutated(mutant, (path) => before.get(path) ?? read(path)))
          writeAt(join(work, 'm'), `${mutant.name}/${change.path(file)}`, change.text(file, text))
      }
    }
    // The files of the tree.
    const moves = files.filter((path) => change.path(path) !== path)
    const staging = new Map(moves.map((path) => [change.path(path), readFileSync(join(root, path))]))
    for (const path of moves) rmSync(join(root, path))
    for (const [path, bytes] of staging) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), bytes)
    }
    for (const [path, text] of before)
      if (!MUTANTS.test(path)) writeFileSync(join(root, change.path(path)), change.text(path, text))
    format(root)
    if (tables.length) format(join(work, 'm'))
    for (const { path, mutants } of tables) {
      const next = mutants.map((mutant) => {
        const touched = [...new Set(mutant.edits.map(({ file }) => change.path(file)))]
        const edits = touched.flatMap((file) =>
          editsBetween(file, read(file), readFileSync(join(work, 'm', mutant.name, file), 'utf8')),
        )
        return { ...mutant, test: change.text('x.md', mutant.test), edits }
      })
      writeFileSync(
        join(root, path),
        header(before.get(path)) +
          next.map((one) => stringify([one], { lineWidth: 0, blockQuote: 'literal' })).join('\n'),
      )
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function header(text) {
  const [, comment = ''] = /^((?:#[^\n]*\n)*)/.exec(text) ?? []
  return comment
}

if (process.argv[2]) main(process.argv[2])
