// node test/bootstrap/with-redis.mjs <command…>: runs the command with REDIS_URL set, and passes its exit code on.
import { namedOrPrivateRedis } from './redis.mjs'
import { run } from './run.mjs'

const [command, ...words] = process.argv.slice(2)
if (command === undefined) {
  process.stderr.write('Say which command to run: node test/bootstrap/with-redis.mjs <command> [words…]\n')
  process.exit(2)
}
const redis = await namedOrPrivateRedis()
try {
  process.exitCode = await run(command, words, { REDIS_URL: redis.url })
} finally {
  await redis.stop()
}
