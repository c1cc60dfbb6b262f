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

async function withCopy(files, act) {
  const folder = await createPrivateFolder()
  const copy = join(folder, 'latchkey')
  try {
    for (const path of files) {
      mkdirSync(join(copy, dirname(path)), { recursive: true })
      cpSync(join(projectRoot, path), join(copy, path))
    }
    for (const shared of ['node_modules', '.redis']) {
      if (existsSync(join(projectRoot, shared))) symlinkSync(join(projectRoot, shared), join(copy, shared))
    }
    return await act(copy)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function runVitest(copy, { file, testName }, environment) {
  const report = join(copy, 'report.json')
  // A name is words, not a pattern.
  const named = testName === undefined ? [] : ['-t', testName.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')]
  const words = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=json',
    `--outputFile.json=${report}`,
    file,
    ...named,
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

/** `passed`, `failed`, or a sentence that says why the test said nothing. */
async function outcomeOf(copy, mutant) {
  if (mutant.build) {
    // A mutant may break a type; what matters is that JavaScript was written.
    await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd: copy }).catch((fault) => fault)
    if (!existsSync(join(copy, 'dist/src'))) return 'it could not be compiled'
  }
  const report = await withSurroundings((environment) => runVitest(copy, mutant, environment))
  if (report === undefined) return `the test runner left no report within ${longestRunMs / 1000} s`
  const results = report.testResults.flatMap((file) => file.assertionResults)
  if (results.some(({ status }) => status === 'failed')) return 'failed'
  const unloadable = report.testResults.find((file) => file.status === 'failed')
  if (unloadable !== undefined) return `the test file could not be loaded: ${unloadable.message.split('\n')[0]}`
  return results.some(({ status }) => status === 'passed') ? 'passed' : 'no test of that name ran'
}

async function apply(copy, mutant) {
  // The ceiling keeps git from taking a repository around the copy for the one to patch.
  const environment = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(copy) }
  await run('git', ['apply', '--recount', mutant.path], { cwd: copy, env: environment })
}

async function judge(files, mutant, soundTests) {
  const key = `${mutant.file} ${mutant.testName ?? ''}`
  if (!soundTests.has(key))
    soundTests.set(
      key,
      withCopy(files, (copy) => outcomeOf(copy, mutant)),
    )
  const sound = await soundTests.get(key)
  if (sound !== 'passed')
    return { killed: false, reason: `without the mutant: ${sound === 'failed' ? 'the test fails' : sound}` }
  return withCopy(files, async (copy) => {
    try {
      await apply(copy, mutant)
    } catch (fault) {
      return { killed: false, reason: `the patch does not apply: ${fault.stderr.trim().split('\n')[0]}` }
    }
    const outcome = await outcomeOf(copy, mutant)
    if (outcome === 'failed') return { killed: true }
    return { killed: false, reason: outcome === 'passed' ? `survived ${mutant.file}` : outcome }
  })
}

async function judgeAll(mutants) {
  const files = filesOfTheTree()
  const soundTests = new Map()
  const waiting = [...mutants]
  let killed = 0
  async function work() {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const verdict = await judge(files, mutant, soundTests)
      if (verdict.killed) killed += 1
      const mark = verdict.killed ? '✓ killed  ' : '✗ survived'
      process.stdout.write(
        `${mark} ${mutant.name}: ${mutant.invariant}${verdict.killed ? '' : `\n    ${verdict.reason}`}\n`,
      )
    }
  }
  // Each run has a private Redis of its own; on a named one, two runs of one test file would meet.
  await Promise.all(Array.from({ length: process.env.REDIS_URL ? 1 : 2 }, work))
  return killed
}

await main(async () => {
  await install()
  const wanted = process.argv.slice(2)
  const names = existsSync(patches) ? readdirSync(patches).filter((name) => name.endsWith('.patch')) : []
  const chosen = names.filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  const mutants = chosen.sort().map(readMutant)
  const killed = await judgeAll(mutants)
  process.stdout.write(`${killed} killed, ${mutants.length - killed} survived\n`)
  return killed === mutants.length && killed > 0 ? 0 : 1
})
