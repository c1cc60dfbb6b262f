import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { pino } from 'pino'
import type { SessionPrincipal } from '../../src/grants/principal.ts'
import type { World } from '../fixtures/world.ts'

/** What is not about any one bench. */

/** Only what must not happen. */
export const quietLog = pino({ level: 'error' }, process.stderr)

/** The append-only file is written anew when it has doubled: not in the middle of one side's turn. */
export async function untilWritten(redis: Redis): Promise<void> {
  await redis.config('SET', 'auto-aof-rewrite-percentage', '0')
  while (/aof_rewrite_(in_progress|scheduled):1/.test(await redis.info('persistence'))) await delay(50)
}

/** The elevation role that the world was seeded with, and its copies. */
export function rolePrincipals({ aws, seeded }: World): readonly SessionPrincipal[] {
  const { account } = aws.state
  return seeded.roles.map(({ arn, roleId }) => ({ driver: 'session', account, roleArn: arn, roleId }))
}
