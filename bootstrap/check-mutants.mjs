// A step of `npm run check`: checks the table of mutants without running a test.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { projectRoot } from './find-redis.mjs'
import { mutatedFiles, readTable } from './mutant-table.mjs'

/** A full test name consists of the texts of `describe`, of `test` and of a row of `test.each`. */
const mostPieces = 5

/** The text of a test file and of the project files that it imports, which may contain rows and shared tests. */
function textOf(path) {
  const text = readFileSync(path, 'utf8')
  const imported = [...text.matchAll(/ from '(\.[^']+)'/g)].map(([, relative]) => join(dirname(path), relative))
  return [text, ...imported.filter((file) => existsSync(file)).map((file) => readFileSync(file, 'utf8'))].join('\n')
}

/** The longest beginning of the name, in whole words, that occurs in the text. */
function longestPiece(text, name) {
  const ends = [...name.matchAll(/\b|$/g)].map(({ index }) => index)
  return name.slice(
    0,
    ends.findLast((end) => text.includes(name.slice(0, end))),
  )
}

function mayNameATest(text, name, pieces = mostPieces) {
  if (name === '') return true
  const piece = pieces === 0 ? '' : longestPiece(text, name)
  return piece !== '' && mayNameATest(text, name.slice(piece.length).trimStart(), pieces - 1)
}

function* faultsOf(mutant) {
  const { name, guarantee, test, named } = mutant
  if (!name || !guarantee || !test || !mutant.edits?.length) {
    yield 'an entry needs name, guarantee, test and edits'
    return
  }
  const path = join(projectRoot, test)
  if (!existsSync(path)) yield `there is no ${test}`
  else if (named !== undefined && !mayNameATest(textOf(path), named)) yield `${test} has no "${named}"`
  try {
    mutatedFiles(mutant, projectRoot)
  } catch (fault) {
    yield fault.message.trim()
  }
}

const mutants = await readTable()
const faults = mutants.flatMap((mutant, index) => {
  const own = [...faultsOf(mutant)]
  if (index > 0 && mutants[index - 1].name === mutant.name) own.push('there are two of that name')
  return own.map((fault) => `${mutant.name}: ${fault}\n`)
})
for (const fault of faults) process.stderr.write(fault)
process.exitCode = faults.length === 0 && mutants.length > 0 ? 0 : 1
