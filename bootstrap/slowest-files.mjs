// A reporter of vitest that prints the files that took longest, hooks and imports included.
import { relative } from 'node:path'

const most = 20

/** @param {import('vitest/node').TestModule} module */
function seconds(module) {
  const { collectDuration, duration } = module.diagnostic()
  return (collectDuration + duration) / 1000
}

// biome-ignore lint/style/noDefaultExport: vitest loads a reporter by its default export.
export default class SlowestFiles {
  /** @param {readonly import('vitest/node').TestModule[]} modules */
  onTestRunEnd(modules) {
    const slowest = modules
      .map((module) => ({ name: relative(process.cwd(), module.moduleId), seconds: seconds(module) }))
      .sort((one, other) => other.seconds - one.seconds)
      .slice(0, most)
    const lines = slowest.map((file) => `${file.seconds.toFixed(1).padStart(7)} s  ${file.name}\n`)
    process.stdout.write(`\nThe slowest files:\n${lines.join('')}`)
  }
}
