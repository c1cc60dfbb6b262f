import { randomBytes } from 'node:crypto'
import { frozenMacOf, SIGNED_KINDS } from './frozen-signing.ts'

/**
 * What a Redis of commit bc0697b may contain: records of every kind in every state, relative to now, with their due and index entries and jobs.
 * Imports nothing of `src` and never changes.
 */

type Json = Readonly<Record<string, unknown>>

interface Person {
  readonly objectId: string
  readonly name: string
}

/** Values of the world in which the records are used. */
export interface Facts {
  readonly approvalKey: string
  readonly nowMs: number
  readonly epoch: string
  readonly account: string
  readonly role: { readonly roleArn: string; readonly roleId: string }
  readonly user: { readonly arn: string; readonly userid: string }
  /** Requests sessions; requests access on the own user; decides. */
  readonly rita: Person
  readonly finn: Person
  readonly max: Person
  readonly tenantId: string
  readonly serviceUrl: string
}

/** One record as it is stored in Redis. */
export interface OldRecord {
  readonly name: string
  readonly kind: string
  readonly id: string
  readonly version: number
  readonly json: Json
}

/** One entry of a sorted set, or a job that no queue has yet. */
export interface OldData {
  readonly records: readonly OldRecord[]
  readonly entries: readonly { readonly key: string; readonly member: string; readonly score: number }[]
  readonly jobs: readonly Json[]
}

const MINUTE_MS = 60_000
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

function newId(letter: string): string {
  return `${letter}-${Array.from(randomBytes(12), (byte) => ALPHABET[byte % 32]).join('')}`
}

export function makeOldData(facts: Facts): OldData {
  const at = (minutes: number) => new Date(facts.nowMs + minutes * MINUTE_MS).toISOString()
  const whole = (minutes: number) =>
    new Date(Math.floor((facts.nowMs + minutes * MINUTE_MS) / 1_000) * 1_000).toISOString()
  const session = { driver: 'session', account: facts.account, ...facts.role }
  const attach = { driver: 'attach', account: facts.account, ...facts.user, deniedOn: facts.role }
  const records: OldRecord[] = []
  const entries: { key: string; member: string; score: number }[] = []
  const jobs: Json[] = []

  function keep(name: string, kind: string, id: string, version: number, unsigned: Json): OldRecord {
    const isSigned = SIGNED_KINDS.includes(kind)
    const json = isSigned ? { ...unsigned, mac: frozenMacOf(facts.approvalKey, kind, unsigned) } : unsigned
    const kept = { name, kind, id, version, json }
    records.push(kept)
    return kept
  }
  const enter = (key: string, member: string, minutes: number) =>
    entries.push({ key: `{latchkey}:${key}`, member, score: facts.nowMs + minutes * MINUTE_MS })

  function request(name: string, status: string, changes: Json = {}): OldRecord {
    const id = newId('r')
    const person = Object(changes).requester ?? facts.rita
    const lapsesAt = String(Object(changes).lapsesAt ?? at(470))
    const kept = keep(name, 'request', id, status === 'pending' ? 1 : 2, {
      id,
      status,
      requester: person,
      scopes: ['s3://finance-reports/2026/'],
      levels: ['write'],
      durationMinutes: 45,
      reason: `old: ${name}`,
      ticket: '',
      entitlement: 'finance-reports',
      principal: session,
      asked: [{ ...facts.max, as: 'manager' }],
      askedAt: at(-10),
      lapsesAt,
      reviews: [],
      copies: [],
      ...changes,
    })
    enter(`index:requests:${person.objectId}`, id, -10)
    if (status !== 'pending') return kept
    entries.push({ key: '{latchkey}:due:requests', member: id, score: Date.parse(lapsesAt) })
    entries.push({ key: `{latchkey}:index:on-role:${facts.account}.prod`, member: id, score: Date.parse(lapsesAt) })
    enter(`index:pending:${person.objectId}`, id, -10)
    enter(`index:to-review:${facts.max.objectId}`, id, -10)
    return kept
  }

  const yes = (decision: string) => ({
    reviews: [{ reviewer: facts.max, as: 'manager', decision, comment: 'old', at: at(-9) }],
    closedAt: at(-9),
  })

  function grant(
    name: string,
    status: string,
    dueIn: number | undefined,
    changes: Json = {},
    more: Json = {},
  ): OldRecord {
    const id = newId('g')
    const isAttached = Object(more).principal !== undefined
    const requester = isAttached ? facts.finn : facts.rita
    const entitlement = isAttached ? 'own-user' : 'finance-reports'
    const principal = isAttached ? attach : session
    const asked = request(name, 'approved', { requester, entitlement, principal, ...yes('approve'), grantId: id })
    const terms = {
      grantId: id,
      requestId: asked.id,
      requestVersion: 1,
      requester: requester.objectId,
      principal,
      scopes: ['s3://finance-reports/2026/'],
      levels: ['write'],
      durationMinutes: 45,
      decidedAt: at(-9),
      approver: facts.max.objectId,
      entitlement,
      rulesHash: 'ab'.repeat(32),
      ...more,
    }
    const names = { requesterName: requester.name, approverName: facts.max.name }
    const kept = keep(name, 'grant', id, 3, { id, status, terms, ...names, attempts: 1, ...changes })
    enter(`index:grants:${requester.objectId}`, id, -9)
    enter(`index:on-role:${facts.account}.prod`, id, 45)
    if (dueIn === undefined) return kept
    enter('due:grants', id, dueIn)
    enter('index:live:grants', id, -9)
    return kept
  }

  const running = { activatedAt: at(-8), endsAt: whole(37) }
  const early = (cause: string) => ({ end: { cause, by: facts.rita.objectId, at: at(-1) } })

  const waiting = grant('activating', 'activating', 1, { attempts: 0 })
  jobs.push({ act: 'activate', recordId: waiting.id, occasion: '1' })
  const attached = grant('activating, attached', 'activating', 1, { attempts: 0 }, { principal: attach })
  jobs.push({ act: 'activate', recordId: attached.id, occasion: '1' })
  const active = grant('active', 'active', 37, { ...running, takenFrom: [{ address: '198.51.100.7', at: at(-7) }] })
  const conditions = { sourceIps: ['127.0.0.0/8', '::1/128'] }
  grant('active, extended', 'active', 37, running, {
    conditions,
    extension: { requestId: newId('r'), requestVersion: 1 },
    earlier: [
      { approver: facts.max.objectId, durationMinutes: 15, endsAt: whole(-2) },
      { approver: facts.max.objectId, durationMinutes: 15, conditions, endsAt: whole(-1) },
    ],
  })
  const ending = grant('revoking', 'revoking', -0.1, { ...running, ...early('done') })
  jobs.push({ act: 'revoke', recordId: ending.id, occasion: '3' })
  enter(`index:revoking:${facts.account}.prod`, ending.id, -0.1)
  grant('active, over', 'active', -1, { ...running, activatedAt: at(-50), endsAt: whole(-1) })
  grant('expired', 'expired', undefined, { activatedAt: at(-8), endsAt: whole(-1), endedAt: at(-1) })
  const denied = grant('revoked', 'revoked', undefined, {
    ...running,
    ...early('ended-by-approver'),
    endedAt: at(-1),
    overdueAlarmAt: at(-1),
  })
  grant('failed', 'revoked', undefined, { ...early('activation-failed'), endedAt: at(-1) })

  const shown = newId('c')
  const dead = newId('c')
  const mailed = newId('c')
  const pending = request('pending', 'pending', { copies: [dead, shown, mailed] })
  const copyOf = { requestId: pending.id, shows: 'request', presented: '' }
  const approver = { ...copyOf, reader: facts.max.objectId, role: 'approver' }
  keep('copy, personal', 'copy', shown, 1, { id: shown, ...approver, place: { channel: 'personal' } })
  keep('copy, mailed', 'copy', mailed, 3, {
    ...{ id: mailed, ...approver, place: { channel: 'mail' } },
    ...{ presented: 'AbCdEfGhIjKlMnOpQrStUv', reference: 'mail-1', claimedAt: at(-9), tries: 1 },
  })
  const { tenantId, serviceUrl } = facts
  const thread = {
    v: 1,
    serviceUrl,
    conversationId: '19:old@thread.tacv2;messageid=1',
    conversationType: 'channel',
    tenantId,
  }
  keep('copy, dead', 'copy', dead, 4, {
    ...{ id: dead, ...copyOf, reader: facts.rita.objectId, role: 'requester' },
    ...{ place: { channel: 'teams', conversation: { ...thread, userId: '29:old' } }, dead: 'It is gone.' },
  })
  enter('due:copies', pending.id, -0.1)
  jobs.push({ act: 'sync', recordId: pending.id, occasion: 'r1' })
  request('pending, with everything', 'pending', {
    ...{ levels: ['read', 'write'], ticket: 'FIN-1', warnings: ['AWS may refuse it.'], conditions },
    scopes: ['s3://finance-reports/2026/', 's3://finance-reports/2025/month=09/'],
  })
  request('pending, over', 'pending', { lapsesAt: at(-1) })
  request('for more time', 'pending', { extends: active.id, durationMinutes: 90 })
  request('denied', 'denied', yes('deny'))
  request('cancelled', 'cancelled', { closedAt: at(-9) })
  request('lapsed', 'lapsed', { lapsesAt: at(-5), closedAt: at(-5) })

  const noticeId = newId('n')
  keep('notice', 'notice', noticeId, 1, {
    notice: { kind: 'record-replaced', id: noticeId, at: at(-1), role: facts.role.roleArn },
  })
  enter('due:notices', noticeId, -1)
  const until = at(90)
  const ids = [denied.id, newId('g')].sort().map((id) => ({ userid: `${facts.role.roleId}:${id}`, until }))
  keep('deny list', 'deny', `${facts.account}.prod`, 0, {
    ...{ account: facts.account, ...facts.role, epoch: facts.epoch, issuedBefore: '2026-01-01T00:00:00Z' },
    denied: ids.map((one) => (one.userid.endsWith(denied.id) ? one : { ...one, unexplained: true })),
    writtenAt: at(-1),
  })
  enter('due:roles', `${facts.account}.prod`, -0.1)
  return { records, entries, jobs }
}
