// `npm run demo`: prepares as `npm test` does and starts the sandbox and Latchkey.
import { projectRoot } from './find-redis.mjs'
import { run } from './run.mjs'
import { compile, install, main, withSurroundings } from './surroundings.mjs'

await main(async () => {
  await install()
  await compile()
  const words = ['dist/sandbox/demo/main.js', ...process.argv.slice(2)]
  return withSurroundings((environment) => run(process.execPath, words, environment, { cwd: projectRoot }))
})
