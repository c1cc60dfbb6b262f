// Forked by mutants.mjs in one copy of the tree: a vitest that stays, so that a mutant costs what its tests cost. A message
// `{file, names, changed}` says what to run, and which files a mutant has changed for this run alone; the answer is
// `{tests: {name, state}[], faults: string[]}`. Each run has a process of its own; only what was transformed is kept.
import { resolve } from 'node:path'
import { createVitest } from 'vitest/node'

const [, , longestWaitMs] = process.argv

/** One failure is the verdict: what has not begun by then is left out. */
const untilFirstFailure = {
  onTestCaseResult: (test) => {
    if (test.result().state === 'failed') void vitest.cancelCurrentRun('test-failure')
  },
}

// What vitest's own command line sets.
process.env.TEST = 'true'
process.env.VITEST = 'true'
process.env.NODE_ENV ??= 'test'
const vitest = await createVitest('test', {
  watch: false,
  maxWorkers: 1,
  testTimeout: Number(longestWaitMs),
  reporters: [untilFirstFailure],
})
await vitest.standalone()

/** A name is words, not a pattern. Without names the whole file runs. */
function choose(names) {
  if (names.length === 0) return vitest.resetGlobalTestNamePattern()
  const pattern = names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
  vitest.setGlobalTestNamePattern(new RegExp(pattern))
}

function fullName(test) {
  return test.parent.type === 'module' ? test.name : `${fullName(test.parent)} ${test.name}`
}

let changedBefore = []

async function run({ file, names, changed }) {
  for (const path of [...changedBefore, ...changed]) vitest.invalidateFile(resolve(path))
  changedBefore = changed
  choose(names)
  const moduleId = resolve(file)
  const specification = vitest.getRootProject().createSpecification(moduleId)
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications([specification])
  const ran = testModules.filter((module) => module.moduleId === moduleId)
  return {
    tests: ran.flatMap((module) =>
      [...module.children.allTests()].map((test) => ({ name: fullName(test), state: test.result().state })),
    ),
    faults: [...ran.flatMap((module) => module.errors()), ...unhandledErrors].map(({ message }) => message),
  }
}

process.on('message', async (order) => process.send(await run(order)))
process.on('disconnect', () => process.exit(0))
process.send('ready')
