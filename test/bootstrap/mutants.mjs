// `npm run mutants [-- <part of a name>…]`: applies each patch of test/mutants to a copy of the tree, where the test that it
// names must fail. A patch begins with
//   # invariant: <the sentence that the mutant breaks>
//   # test: <test file> [-t "<test name>"]
//   # build: yes            only where the test starts processes from dist/
import { execFile, execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from './find-redis.mjs'
import { createPrivateFolder } from './private-folder.mjs'
import { install, main, withSurroundings } from './surroundings.mjs'

const patches = join(projectRoot, 'test/mutants')
const longestRunMs = 180_000
/** Tests wait for facts: one that a mutant keeps waiting is red. */
const longestWaitMs = 20_000
const run = promisify(execFile)

function header(text, key) {
  return new RegExp(`^# ${key}:\\s*(.+)$`, 'm').exec(text)?.[1]?.trim()
}

function readMutant(name) {
  const text = readFileSync(join(patches, name), 'utf8')
  const [, file, testName] = /^(\S+)(?:\s+-t\s+"(.+)")?$/.exec(header(text, 'test') ?? '') ?? []
  const invariant = header(text, 'invariant')
  if (file === undefined || invariant === undefined)
    throw new Error(`${name}: the header needs "# invariant:" and "# test:"`)
  return {
    name: name.replace(/\.patch$/, ''),
    path: join(patches, name),
    invariant,
    file,
    testName,
    build: header(text, 'build') === 'yes',
  }
}

/** What git would commit, new files included; nothing that is built or installed. */
function filesOfTheTree() {
  const words = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const list = execFileSync('git', words, { cwd: projectRoot, encoding: 'utf8', maxBuffer: 1e8 })
  return list.split('\0').filter((path) => path !== '' && existsSync(join(projectRoot, path)))
}

async function withCopy({ root, files }, act) {
  const folder = await createPrivateFolder()
  const copy = join(folder, 'latchkey')
  try {
    for (const path of files) {
      mkdirSync(join(copy, dirname(path)), { recursive: true })
      cpSync(join(root, path), join(copy, path))
    }
    for (const shared of ['node_modules', '.redis']) {
      if (existsSync(join(projectRoot, shared))) symlinkSync(join(projectRoot, shared), join(copy, shared))
    }
    return await act(copy)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A name is words, not a pattern. Without names the whole file runs. */
function patternOf(names) {
  return names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
}

function runVitest(copy, { file, names }, environment) {
  const report = join(copy, 'report.json')
  const words = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=json',
    `--testTimeout=${longestWaitMs}`,
    `--outputFile.json=${report}`,
    file,
    ...(names.length > 0 ? ['-t', patternOf(names)] : []),
  ]
  const output = openSync(join(copy, 'output.log'), 'w')
  const child = spawn(process.execPath, words, {
    cwd: copy,
    env: { ...process.env, ...environment },
    stdio: ['ignore', output, output],
    timeout: longestRunMs,
    killSignal: 'SIGKILL',
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => resolve(existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined))
  })
}

/** The runner's report, or a sentence that says why there is none. */
async function runTests(copy, { file, names, build }, environment) {
  if (build) {
    // A mutant may break a type; what matters is that JavaScript was written.
    await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd: copy }).catch((fault) => fault)
    if (!existsSync(join(copy, 'dist/src'))) return 'it could not be compiled'
  }
  const report = await runVitest(copy, { file, names }, environment)
  return report ?? `the test runner left no report within ${longestRunMs / 1000} s`
}

/** `passed`, `failed`, or a sentence that says why the test said nothing. */
function outcomeOf(report, { testName = '' }) {
  if (typeof report === 'string') return report
  const results = report.testResults
    .flatMap((file) => file.assertionResults)
    .filter(({ fullName }) => fullName.includes(testName))
  if (results.some(({ status }) => status === 'failed')) return 'failed'
  const unloadable = report.testResults.find((file) => file.status === 'failed' && file.message !== '')
  if (unloadable !== undefined) return `the test file could not be loaded: ${unloadable.message.split('\n')[0]}`
  return results.some(({ status }) => status === 'passed') ? 'passed' : 'no test of that name ran'
}

async function apply(copy, mutant) {
  // The ceiling keeps git from taking a repository around the copy for the one to patch.
  const environment = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(copy) }
  await run('git', ['apply', '--recount', mutant.path], { cwd: copy, env: environment })
}

/** Without a mutant: every test of one file that some mutant names, in one run. */
function soundTests(tree, mutants) {
  const reports = new Map()
  return (file, environment) => {
    const ofFile = mutants.filter((mutant) => mutant.file === file)
    const names = ofFile.some(({ testName }) => testName === undefined) ? [] : ofFile.map(({ testName }) => testName)
    const build = ofFile.some((mutant) => mutant.build)
    if (!reports.has(file))
      reports.set(
        file,
        withCopy(tree, (copy) => runTests(copy, { file, names: [...new Set(names)], build }, environment)),
      )
    return reports.get(file)
  }
}

async function judge(tree, mutant, sound, environment) {
  const before = outcomeOf(await sound(mutant.file, environment), mutant)
  if (before !== 'passed')
    return { killed: false, reason: `without the mutant: ${before === 'failed' ? 'the test fails' : before}` }
  return withCopy(tree, async (copy) => {
    try {
      await apply(copy, mutant)
    } catch (fault) {
      return { killed: false, reason: `the patch does not apply: ${fault.stderr.trim().split('\n')[0]}` }
    }
    const names = mutant.testName === undefined ? [] : [mutant.testName]
    const outcome = outcomeOf(await runTests(copy, { ...mutant, names }, environment), mutant)
    if (outcome === 'failed') return { killed: true }
    return { killed: false, reason: outcome === 'passed' ? `survived ${mutant.file}` : outcome }
  })
}

async function judgeAll(tree, mutants) {
  const sound = soundTests(tree, mutants)
  const waiting = [...mutants]
  let killed = 0
  async function work(environment) {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const verdict = await judge(tree, mutant, sound, environment)
      if (verdict.killed) killed += 1
      const mark = verdict.killed ? '✓ killed  ' : '✗ survived'
      process.stdout.write(
        `${mark} ${mutant.name}: ${mutant.invariant}${verdict.killed ? '' : `\n    ${verdict.reason}`}\n`,
      )
    }
  }
  // Two at once, each with a private Redis of its own; on a named one, two runs of one test file would meet.
  await Promise.all(Array.from({ length: process.env.REDIS_URL ? 1 : 2 }, () => withSurroundings(work)))
  return killed
}

await main(async () => {
  await install()
  const wanted = process.argv.slice(2)
  const names = existsSync(patches) ? readdirSync(patches).filter((name) => name.endsWith('.patch')) : []
  const chosen = names.filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  const mutants = chosen.sort().map(readMutant)
  const files = filesOfTheTree()
  // One snapshot for all of them: whoever edits meanwhile changes nothing here.
  const killed = await withCopy({ root: projectRoot, files }, (root) => judgeAll({ root, files }, mutants))
  process.stdout.write(`${killed} killed, ${mutants.length - killed} survived\n`)
  return killed === mutants.length && killed > 0 ? 0 : 1
})
