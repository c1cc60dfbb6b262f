// `npm run check`: every check of the sources that needs no story.
import { projectRoot } from './find-redis.mjs'
import { run } from './run.mjs'
import { install, main, withSurroundings } from './surroundings.mjs'

const steps = [
  ['types and build', 'node_modules/typescript/bin/tsc', '-p', '.'],
  ['style and function sizes', 'node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
  ['unused code and packages', 'node_modules/knip/bin/knip.js'],
  ['table of mutants', 'bootstrap/check-mutants.mjs'],
  [
    'architecture, file sizes, unit tests',
    'node_modules/vitest/vitest.mjs',
    'run',
    'test/architecture.test.ts',
    'test/unit/',
  ],
]

await main(async () => {
  await install()
  return withSurroundings(async (environment) => {
    const failed = []
    for (const [name, ...words] of steps) {
      process.stdout.write(`— ${name}\n`)
      const code = await run(process.execPath, words, environment, { cwd: projectRoot })
      if (code !== 0) failed.push(name)
    }
    process.stdout.write(failed.length === 0 ? 'Everything holds.\n' : `Does not hold: ${failed.join('; ')}\n`)
    return failed.length === 0 ? 0 : 1
  })
})
