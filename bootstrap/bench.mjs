// `npm run bench [-- --json] [-- <name>…]`: prepares as `npm run demo` does and runs the benches. Each starts private Redises, append-only with `appendfsync always`, so that a Redis named by REDIS_URL is never filled with 100,000 grants.
import { projectRoot } from './find-redis.mjs'
import { run } from './run.mjs'
import { compile, install, main, withSurroundings } from './surroundings.mjs'

await main(async () => {
  await install()
  await compile()
  const words = ['dist/test/bench/main.js', ...process.argv.slice(2)]
  return withSurroundings((environment) => run(process.execPath, words, environment, { cwd: projectRoot }))
})
