// `npm test`: installs, compiles, starts what the tests need, runs vitest (arguments after `--` are vitest's), and ends with one line of totals.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectRoot } from './find-redis.mjs'
import { run } from './run.mjs'
import { compile, install, main, withSurroundings } from './surroundings.mjs'

/** A file that cannot be loaded has no tests to count, but counts as a failure. */
function tally(report) {
  const unloadable = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0)
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloadable.length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

function readReport(path) {
  try {
    return tally(JSON.parse(readFileSync(path, 'utf8')))
  } catch (fault) {
    process.stderr.write(`The test runner left no report: ${fault.message}\n`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

async function runTests(environment, words) {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-report-'))
  const report = join(folder, 'report.json')
  try {
    const reporters = ['default', 'json', './bootstrap/slowest-files.mjs'].map((name) => `--reporter=${name}`)
    const runner = ['node_modules/vitest/vitest.mjs', 'run', ...reporters, `--outputFile.json=${report}`]
    const code = await run(process.execPath, [...runner, ...words], environment, { cwd: projectRoot })
    const counts = readReport(report)
    // An error outside every test (a rejected promise, a worker that died) fails the run without a failed test.
    return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Processor time of this process and its ended descendants: utime to cstime of proc_pid_stat(5). Undefined where there is no /proc. */
function cpuSeconds() {
  const ticksPerSecond = 100
  try {
    const afterName = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ')
    return afterName.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond
  } catch (fault) {
    if (fault.code === 'ENOENT') return undefined
    throw fault
  }
}

/** Prints processor time, to compare two runs on one machine. */
function printCost() {
  const cpu = cpuSeconds()
  const wall = `${(performance.now() / 1000).toFixed(0)} s`
  process.stdout.write(
    cpu === undefined ? `${wall}\n` : `${wall} of wall time, ${cpu.toFixed(0)} s of processor time\n`,
  )
}

async function prepareAndRun(words) {
  await install()
  await compile()
  return withSurroundings((environment) => runTests(environment, words))
}

await main(async () => {
  let counts = { passed: 0, failed: 1, skipped: 0 }
  try {
    counts = await prepareAndRun(process.argv.slice(2))
  } finally {
    process.once('exit', () => {
      printCost()
      process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`)
    })
  }
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1
})
