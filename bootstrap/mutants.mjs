// `npm run mutants [-- <part of a name>…]`: each mutant's test must pass, and then fail with the mutant's edits. Both runs select the same tests, one after the other in the same worker process and in a copy of the tree.
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { projectRoot } from './find-redis.mjs'
import { mutatedFiles, readTable } from './mutant-table.mjs'
import { createPrivateFolder } from './private-folder.mjs'
import { install, main, withSurroundings } from './surroundings.mjs'

const longestRunMs = 180_000
/** The runner needs time to end a run that took too long and to report it. */
const longestAnswerMs = longestRunMs + 30_000
const longestStopMs = 10_000
/** A test waits for facts. If a mutant keeps it waiting this much longer than the run without it, the test counts as red. */
const longestWaitMs = 20_000
/** More lanes than processors: with three lanes on two processors a third of the time was idle. */
const lanes = availableParallelism() + 2

/** The files that git would commit, new ones included, without build results and packages. */
function filesOfTheTree() {
  const words = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const list = execFileSync('git', words, { cwd: projectRoot, encoding: 'utf8', maxBuffer: 1e8 })
  return list.split('\0').filter((path) => path !== '' && existsSync(join(projectRoot, path)))
}

/** Copies the snapshot of the tree into a folder of its own. */
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

/** A vitest that stays alive in one copy. One that does not answer in time is ended, and the next run starts another. */
function stayingVitest(copy, environment) {
  let child

  async function begin() {
    const output = openSync(join(copy, 'output.log'), 'a')
    child = fork(join(copy, 'bootstrap/warm-vitest.mjs'), [String(longestRunMs)], {
      cwd: copy,
      env: { ...process.env, ...environment },
      stdio: ['ignore', output, output, 'ipc'],
    })
    await nextMessage('vitest did not start')
  }

  /** The child's next message, or the sentence when it ended or the time is over. */
  async function nextMessage(sentence) {
    const over = new AbortController()
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(longestAnswerMs)])
    const message = once(child, 'message', { signal }).then(([report]) => report)
    const ended = once(child, 'exit', { signal }).then(() => sentence)
    try {
      return await Promise.race([message, ended])
    } catch {
      return sentence
    } finally {
      over.abort()
      await Promise.allSettled([message, ended])
    }
  }

  async function stop() {
    if (child === undefined) return
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      if (child.connected) child.disconnect()
      const late = setTimeout(() => child.kill('SIGKILL'), longestStopMs)
      await ended
      clearTimeout(late)
    }
    child = undefined
  }

  return {
    stop,
    /** Returns the report, or a sentence that says why there is none. */
    async run(order) {
      if (child === undefined) await begin()
      if (child.connected) child.send(order)
      const report = await nextMessage(`the test runner gave no report within ${longestAnswerMs / 1000} s`)
      if (typeof report === 'string') await stop()
      return report
    },
  }
}

/** `passed`, `failed`, or a sentence that says why the test gave no result. */
function outcomeOf(report, { named = '' }) {
  if (typeof report === 'string') return report
  const results = report.tests.filter(({ name }) => name.includes(named))
  if (results.some(({ state }) => state === 'failed')) return 'failed'
  const [fault] = report.faults
  if (fault !== undefined) return `the test file could not be run: ${fault.split('\n')[0]}`
  return results.some(({ state }) => state === 'passed') ? 'passed' : 'no test of that name ran'
}

/**
 * Repeats a run in a new worker when its result is not the wanted one, because an earlier mutant may have damaged the worker.
 * A mutant that survives is not run again.
 */
async function runFor(wanted, vitest, order) {
  const report = await vitest.run(order)
  const outcome = outcomeOf(report, order)
  return outcome === wanted || outcome === 'passed' ? report : vitest.run({ ...order, isFresh: true })
}

async function runWithEdits({ tree, copy, vitest }, order, files) {
  try {
    for (const [path, text] of files) writeFileSync(join(copy, path), text)
    return await runFor('failed', vitest, { ...order, changed: [...files.keys()] })
  } finally {
    for (const path of files.keys()) cpSync(join(tree.root, path), join(copy, path))
  }
}

/** Returns why the mutant survived; undefined when it is killed. */
async function judge(place, mutant) {
  let files
  try {
    files = mutatedFiles(mutant, place.tree.root)
  } catch (fault) {
    return fault.message.trim().split('\n')[0]
  }
  const order = { file: mutant.test, named: mutant.named, changed: [] }
  // The test runs without edits before every mutant, also when the previous mutant has the same test. This shows what that mutant left behind.
  const sound = await runFor('passed', place.vitest, order)
  const before = outcomeOf(sound, order)
  if (before !== 'passed')
    return `proved nothing: without the mutant ${before === 'failed' ? 'the test fails' : before}`
  const testTimeout = longestWaitMs + 2 * Math.ceil(Math.max(...sound.tests.map(({ ms }) => ms)))
  const after = outcomeOf(await runWithEdits(place, { ...order, testTimeout }, files), order)
  if (after === 'failed') return undefined
  return after === 'passed' ? `survived ${mutant.test}` : after
}

/** Files with the most mutants first, so that the last lanes do not end with many mutants left. */
function groupByFile(mutants) {
  const files = [...new Set(mutants.map(({ test }) => test))]
  const groups = files.map((file) => mutants.filter(({ test }) => test === file))
  return groups.sort((one, other) => other.length - one.length)
}

async function judgeAll(tree, mutants) {
  const waiting = groupByFile(mutants)
  let killed = 0
  function say({ name, guarantee }, reason) {
    if (reason === undefined) killed += 1
    const mark = reason === undefined ? '✓ killed  ' : '✗ survived'
    process.stdout.write(`${mark} ${name}: ${guarantee}${reason === undefined ? '' : `\n    ${reason}`}\n`)
  }
  function work(environment) {
    return withCopy(tree, async (copy) => {
      const vitest = stayingVitest(copy, environment)
      try {
        for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
          for (const mutant of group) say(mutant, await judge({ tree, copy, vitest }, mutant))
        }
      } finally {
        await vitest.stop()
      }
    })
  }
  // Each lane has a private Redis. With a named Redis there is one lane, because two runs of one test file would meet in it.
  await Promise.all(Array.from({ length: process.env.REDIS_URL ? 1 : lanes }, () => withSurroundings(work)))
  return killed
}

await main(async () => {
  await install()
  const wanted = process.argv.slice(2)
  const table = await readTable()
  const mutants = table.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  const files = filesOfTheTree()
  // All lanes use one snapshot, so that edits made meanwhile have no effect.
  const killed = await withCopy({ root: projectRoot, files }, (root) => judgeAll({ root, files }, mutants))
  process.stdout.write(`${killed} killed, ${mutants.length - killed} survived\n`)
  return killed === mutants.length && killed > 0 ? 0 : 1
})
