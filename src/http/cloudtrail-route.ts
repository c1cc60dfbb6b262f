import type { FastifyInstance, FastifyRequest } from 'fastify'
import { LatchkeyError } from '../errors.ts'
import { isSameSecret } from '../mac.ts'
import type { Inbox } from '../oversight/cloudtrail-inbox.ts'
import { type CloudTrailRecord, envelope } from '../oversight/cloudtrail-record.ts'
import type { Feed } from '../oversight/feed.ts'
import { selfTestEvent } from '../oversight/feed-self-test.ts'
import { type RecordPort, refuseWithoutRoom } from '../store/record-store.ts'
import type { HttpMetrics } from './metrics.ts'

/**
 * The route to which EventBridge delivers CloudTrail records. It repeats a call after 401, 429 and 503, and never after
 * 400 ("API destinations").
 */

/** An event of EventBridge has 256 KB at most. */
const BODY_LIMIT_BYTES = 1_048_576
const KEY_HEADER = 'x-latchkey-key'

export interface CloudTrailDeps {
  readonly inbox: Inbox
  readonly feed: Pick<Feed, 'noteArrival'>
  readonly record: Pick<RecordPort, 'hasRoom'>
  /** Two keys of one account are valid while it is rotated. Undefined: there is no such route. */
  readonly keys: readonly { readonly key: string; readonly accounts: readonly string[] }[] | undefined
  readonly metrics: HttpMetrics
}

export function cloudTrailRoute(app: FastifyInstance, { inbox, feed, record, keys, metrics }: CloudTrailDeps): void {
  if (keys === undefined) return
  const accounts = new WeakMap<FastifyRequest, ReadonlySet<string>>()
  app.register(async (route) => {
    // Callers are checked before the body is read, so an unknown caller costs a few digests and no memory.
    route.addHook('onRequest', async (request, reply) => {
      const given = request.headers[KEY_HEADER]
      const known = keys.filter(({ key }) => isSameSecret(typeof given === 'string' ? given : '', key))
      if (known.length === 0) {
        metrics.refusedUnknown()
        reply.header('connection', 'close')
        throw new LatchkeyError('NOT_SIGNED_IN', {})
      }
      accounts.set(request, new Set(known.flatMap((one) => one.accounts)))
    })
    // Thousands of calls may come in a second. They are counted in the record and not logged one by one.
    route.post('/api/cloudtrail', { bodyLimit: BODY_LIMIT_BYTES, logLevel: 'warn' }, async (request, reply) => {
      const received = parseBody(request.body, accounts.get(request) ?? new Set())
      if ('nonce' in received) await feed.noteArrival(received.nonce)
      else {
        await refuseWithoutRoom(record)
        await inbox.append(received)
      }
      return reply.code(202).send()
    })
  })
}

function parseBody(body: unknown, accounts: ReadonlySet<string>): CloudTrailRecord | { readonly nonce: string } {
  const parsed = envelope.safeParse(body)
  const tested = parsed.success ? undefined : selfTestEvent.safeParse(body)
  const account = parsed.data?.account ?? tested?.data?.account
  if (account === undefined) {
    throw new LatchkeyError('BAD_INPUT', { problem: 'This is not a CloudTrail record as EventBridge sends it.' })
  }
  if (!accounts.has(account)) {
    throw new LatchkeyError('BAD_INPUT', { problem: 'This key is not for that account. Check CLOUDTRAIL_KEYS.' })
  }
  return parsed.success ? parsed.data : { nonce: tested?.data?.detail.nonce ?? '' }
}
