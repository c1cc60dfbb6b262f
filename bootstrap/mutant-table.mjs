// The table of mutants in test/mutants/*.yaml. An entry's edits break one guarantee, and the named test must fail: `{name, guarantee, test, named?, edits: {file, find, replace}[]}`. CONTRIBUTING.md has an example.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './find-redis.mjs'

const folder = join(projectRoot, 'test/mutants')

/** Reads every mutant, sorted by name. */
export async function readTable() {
  // Imported here, because on a fresh machine `npm run mutants` installs the package first.
  const { parse } = await import('yaml')
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'))
  const mutants = files.flatMap((file) => parse(readFileSync(join(folder, file), 'utf8')))
  return mutants.sort((one, other) => (one.name < other.name ? -1 : 1))
}

/** @throws if `find` does not occur exactly once in the text as whole lines */
function replaceLines(text, { file, find, replace }) {
  if (!find.endsWith('\n')) throw new Error(`${file}: "find" is not whole lines`)
  const at = `\n${text}`.indexOf(`\n${find}`)
  if (at === -1) throw new Error(`${file}: "find" is not there:\n${find}`)
  if (`\n${text}`.indexOf(`\n${find}`, at + 1) !== -1)
    throw new Error(`${file}: "find" is there more than once:\n${find}`)
  if (find === replace) throw new Error(`${file}: "replace" changes nothing:\n${find}`)
  return text.slice(0, at) + replace + text.slice(at + find.length)
}

/**
 * The new text of each file that a mutant changes. Edits of one file are applied one after the other.
 * @throws if an edit cannot be applied
 */
export function mutatedFiles({ edits }, root) {
  const files = new Map()
  for (const edit of edits) {
    const text = files.get(edit.file) ?? readFileSync(join(root, edit.file), 'utf8')
    files.set(edit.file, replaceLines(text, edit))
  }
  return files
}
