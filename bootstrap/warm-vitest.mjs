// A vitest and a worker process that stay alive, forked by mutants.mjs in one copy of the tree.
// A message `{file, named, changed, testTimeout, isFresh}` says what to run, which files differ from the tree, how long a test may take, and whether a new worker is needed. The answer is `{tests: {name, state, ms}[], faults: string[]}`.
// The worker evaluates our own modules anew for each run. It evaluates those of node_modules once, because importing them takes longer than most tests.
import { fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { resolve } from 'node:path'
import { createVitest } from 'vitest/node'

const [, , longestRunMs] = process.argv

/** The worker process, and the run that its messages belong to. */
let child
let listeners = new EventEmitter()
/** The files that the worker may not reuse in this run: they differ from the tree, or did in the run before. */
let changed = []
/** The settings of this run alone. */
let ownConfig = {}

function beginChild({ distPath, env, execArgv }) {
  const begun = fork(resolve(distPath, 'workers/forks.js'), [], { env, execArgv, serialization: 'advanced' })
  for (const event of ['message', 'error', 'exit']) begun.on(event, (argument) => listeners.emit(event, argument))
  begun.on('exit', () => {
    if (child === begun) child = undefined
  })
  child = begun
}

async function endChild() {
  if (child === undefined) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

/** vitest starts and stops a worker for every run. Of these messages only the first start is passed to the process. */
const stayingPool = {
  name: 'staying',
  createPoolWorker: (options) => {
    const own = new EventEmitter()
    listeners = own
    const isNew = child === undefined
    let isRunning = false
    own.on('message', ({ type }) => {
      if (type === 'testfileFinished') isRunning = false
    })
    const answer = (type) => setImmediate(() => own.emit('message', { __vitest_worker_response__: true, type }))
    return {
      name: 'staying',
      // As in vitest's own pool of processes.
      cacheFs: true,
      on: (event, callback) => own.on(event, callback),
      off: (event, callback) => own.off(event, callback),
      deserialize: (data) => data,
      start: async () => {
        if (isNew) beginChild(options)
      },
      send: (message) => {
        if (message.type === 'start' && !isNew) return answer('started')
        if (message.type === 'stop') return answer('stopped')
        if (message.type !== 'run') return child?.connected && child.send(message)
        isRunning = true
        const config = { ...options.project.serializedConfig, ...ownConfig }
        child?.send({ ...message, context: { ...message.context, invalidates: changed, config } })
      },
      stop: async () => {
        if (isRunning) await endChild()
      },
    }
  },
}

/** One failure decides, so tests that have not begun are cancelled. A second cancellation would end the worker. */
let isCancelled = false
const untilFirstFailure = {
  onTestCaseResult: (test) => {
    if (isCancelled || test.result().state !== 'failed') return
    isCancelled = true
    void vitest.cancelCurrentRun('test-failure')
  },
}

// Set by vitest's own command line too.
process.env.TEST = 'true'
process.env.VITEST = 'true'
process.env.NODE_ENV ??= 'test'
const vitest = await createVitest('test', {
  watch: false,
  maxWorkers: 1,
  pool: stayingPool,
  // Evaluates all of our own modules anew, whatever a test file configures.
  isolate: true,
  reporters: [untilFirstFailure],
})
await vitest.standalone()

/** A name is a text, not a pattern. Without a name the whole file runs. */
function specify(moduleId, named) {
  const words = named?.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const chosen = words === undefined ? {} : { testNamePattern: new RegExp(words) }
  const projects = vitest.projects.filter((project) => project.matchesTestGlob(moduleId))
  return projects.map((project) => project.createSpecification(moduleId, chosen))
}

function fullName(test) {
  return test.parent.type === 'module' ? test.name : `${fullName(test.parent)} ${test.name}`
}

function sayFault({ message, cause }) {
  return cause === undefined ? message : `${message} ${cause.message}`
}

/** True for a test that timed out and still runs. */
function isHanging(test) {
  return test.result().errors?.some(({ message }) => /^(Test|Hook) timed out in/.test(message)) ?? false
}

function report(test) {
  return { name: fullName(test), state: test.result().state, ms: test.diagnostic()?.duration ?? 0 }
}

/** The files that differ from the tree now. */
let changedNow = []

async function run({ file, named, changed: paths, testTimeout, isFresh }) {
  if (isFresh) await endChild()
  const changedBefore = changedNow
  changedNow = paths.map((path) => resolve(path))
  changed = [...changedBefore, ...changedNow]
  for (const path of changed) vitest.invalidateFile(path)
  isCancelled = false
  ownConfig = testTimeout === undefined ? {} : { testTimeout }
  const moduleId = resolve(file)
  const specifications = specify(moduleId, named)
  const over = AbortSignal.timeout(Number(longestRunMs))
  over.onabort = () => void endChild()
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications)
  over.onabort = null
  const ran = testModules.filter((module) => module.moduleId === moduleId)
  const tests = ran.flatMap((module) => [...module.children.allTests()])
  const faults = [...ran.flatMap((module) => module.errors()), ...unhandledErrors].map(sayFault)
  if (over.aborted) faults.unshift(`it was not over after ${longestRunMs / 1000} s`)
  // An error outside the tests, or a test that still runs, could affect the next run.
  if (faults.length > 0 || tests.some(isHanging)) await endChild()
  return { tests: tests.map(report), faults }
}

process.on('message', async (order) => process.send(await run(order)))
// Only after the worker has ended, because it could continue alone.
process.on('disconnect', () => void endChild().then(() => process.exit(0)))
process.send('ready')
