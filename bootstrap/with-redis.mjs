// node bootstrap/with-redis.mjs <command…>: runs the command with REDIS_URL and the sandbox's certificate authority set,
// and passes its exit code on.
import { run } from './run.mjs'
import { main, withSurroundings } from './surroundings.mjs'

const [command, ...words] = process.argv.slice(2)

await main(async () => {
  if (command === undefined) throw new Error('Say what to run: node bootstrap/with-redis.mjs <command> [words…]')
  return withSurroundings((environment) => run(command, words, environment))
})
