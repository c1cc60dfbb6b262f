// `npm test`: installs, compiles, starts what the tests need, runs vitest (words after `--` are its own), and ends with one line.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectRoot } from './find-redis.mjs'
import { run } from './run.mjs'
import { compile, install, main, withSurroundings } from './surroundings.mjs'

/** A file that cannot be loaded has no tests to count, but it is a failure all the same. */
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
    const runner = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json']
    const code = await run(process.execPath, [...runner, `--outputFile.json=${report}`, ...words], environment, {
      cwd: projectRoot,
    })
    const counts = readReport(report)
    // An error outside every test (a rejected promise, a worker that died) fails the run without failing a test.
    return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
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
      process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`)
    })
  }
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1
})
