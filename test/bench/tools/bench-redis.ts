import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { pino } from 'pino'
import type { SessionPrincipal } from '../../../src/grants/principal.ts'
import type { World } from '../../fixtures/world.ts'

/** What several benches share. */

/** Logs errors only. */
export const quietLog = pino({ level: 'error' }, process.stderr)

/** Turns off automatic rewrites of the append-only file and waits for a running one, so that none falls into the turn of one side. */
export async function untilWritten(redis: Redis): Promise<void> {
  await redis.config('SET', 'auto-aof-rewrite-percentage', '0')
  while (/aof_rewrite_(in_progress|scheduled):1/.test(await redis.info('persistence'))) await delay(50)
}

/** The principals of the world's elevation role and its replicas. */
export function rolePrincipals({ aws, seeded }: World): readonly SessionPrincipal[] {
  const { account } = aws.state
  return seeded.roles.map(({ arn, roleId }) => ({ driver: 'session', account, roleArn: arn, roleId }))
}
