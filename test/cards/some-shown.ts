import type { GrantView } from '../../src/cards/grant-view.ts'
import { forMinutes, previewOf } from '../../src/cards/preview.ts'
import type { RequestView } from '../../src/cards/request-view.ts'
import type { Shown } from '../../src/cards/shown.ts'
import type { Notice } from '../../src/grants/notice.ts'
import type { Digest } from '../../src/oversight/digest.ts'

/** One request in every state that a card can show. */

export const PUBLIC_URL = 'https://latchkey.example.com'
export const NOTHING_WRITTEN: Digest = {
  counts: { written: 0, copied: 0, deleted: 0, 'batch-deleted': 0, tagged: 0, other: 0, denied: 0 },
  bytes: 0,
  firstAt: null,
  lastAt: null,
  last: [],
}
export const SOME_WRITES: Digest = {
  counts: { ...NOTHING_WRITTEN.counts, written: 12, deleted: 1, denied: 2 },
  bytes: 48_213_004,
  firstAt: '2026-11-22T10:04:00.000Z',
  lastAt: '2026-11-22T10:21:30.000Z',
  last: [
    ['written', 'PutObject', 's3://finance-reports/2026/q3/ledger.csv', '10:21:30'],
    ['denied', 'DeleteObject', 's3://finance-reports/2025/q4/ledger.csv', '10:19:02'],
    ['deleted', 'DeleteObject', 's3://finance-reports/2026/q3/ledger.csv.tmp', '10:18:41'],
    [
      'written',
      'PutObject',
      's3://finance-reports/2026/q3/exports/region=eu-west-1/year=2026/month=09/day=30/part-00017-9f8b4c1e-3a5d-4c77-b0a1.snappy.parquet',
      '10:12:11',
    ],
    ['written', 'PutObject', 's3://finance-reports/2026/q3/notes (final) *v2*.txt', '10:04:00'],
    ['written', 'PutObject', 's3://finance-reports/2026/q3/first.csv', '10:03:00'],
  ].map(([kind = '', name = '', uri = '', time = '']) => ({
    kind: kind === 'denied' || kind === 'deleted' ? kind : ('written' as const),
    name,
    uri,
    at: `2026-11-22T${time}.000Z`,
  })),
}

export function someRequest(changes: Partial<RequestView> = {}): RequestView {
  const request = {
    id: 'r-0123456789ab',
    status: 'pending' as const,
    version: '1-AbCdEfGhIjKlMnOpQrStUv',
    requester: 'Rita Reyes',
    scopes: ['s3://finance-reports/2026/'],
    levels: ['read', 'write'],
    durationMinutes: 45,
    reason: 'Month-end fix: the ledger of September has two rows twice, and the auditors read it tomorrow morning.',
    ticket: 'FIN-4711',
    entitlement: 'month-end',
    askedAt: '2026-11-22T09:58:12.345Z',
    lapsesAt: '2026-11-22T17:58:12.345Z',
    asked: ['Max Mertens'],
    decision: null,
    closedAt: null,
    warnings: [],
    extends: null,
    grantId: null,
    ...changes,
  }
  return { preview: previewOf(request, forMinutes(request.durationMinutes)), ...request }
}

export function someGrant(changes: Partial<GrantView> = {}): GrantView {
  const grant = {
    id: 'g-0123456789ab',
    status: 'active' as const,
    requestId: 'r-0123456789ab',
    requester: 'Rita Reyes',
    approver: 'Max Mertens',
    account: '111122223333',
    driver: 'session' as const,
    scopes: ['s3://finance-reports/2026/'],
    levels: ['read', 'write'],
    durationMinutes: 45,
    decidedAt: '2026-11-22T10:00:00.000Z',
    activatedAt: '2026-11-22T10:00:02.120Z',
    endsAt: '2026-11-22T10:45:02.000Z',
    endedAt: null,
    endCause: null,
    takenFrom: [],
    writes: SOME_WRITES,
    ...changes,
  }
  return { preview: previewOf(grant, `until ${grant.endsAt}`), ...grant }
}

const YES = {
  by: 'Max Mertens',
  as: 'manager',
  comment: 'Fine, but please tell the auditors.',
  at: '2026-11-22T10:00:00.000Z',
}
const APPROVED: Partial<RequestView> = {
  status: 'approved',
  decision: YES,
  closedAt: YES.at,
  grantId: 'g-0123456789ab',
}
const PURGE = { levels: ['read', 'purge'], entitlement: 'clean-up', reason: 'A customer list was uploaded by mistake.' }
const EXTENSION: Partial<RequestView> = {
  extends: 'g-0123456789ab',
  durationMinutes: 90,
  reason: 'The export takes longer than I thought.',
}
const NEVER_ACTIVE: Partial<GrantView> = { activatedAt: null, endsAt: null, writes: NOTHING_WRITTEN }

function granted(changes: Partial<GrantView>): Shown {
  return { request: someRequest(APPROVED), grant: someGrant(changes) }
}

function closed(status: RequestView['status'], changes: Partial<RequestView> = {}): Shown {
  return { request: someRequest({ status, closedAt: '2026-11-22T10:01:00.000Z', ...changes }), grant: null }
}

export const STATES = {
  pending: { request: someRequest(), grant: null },
  'pending, purge': { request: someRequest(PURGE), grant: null },
  'extension, asked': { request: someRequest(EXTENSION), grant: null },
  'extension, approved': { request: someRequest({ ...APPROVED, ...EXTENSION }), grant: null },
  'extension, denied': closed('denied', { ...EXTENSION, decision: { ...YES, comment: 'Ask again tomorrow.' } }),
  approved: { request: someRequest(APPROVED), grant: null },
  denied: closed('denied', { decision: { ...YES, comment: 'Ask for the one folder that you need.' } }),
  cancelled: closed('cancelled'),
  lapsed: closed('lapsed'),
  activating: granted({ status: 'activating', ...NEVER_ACTIVE }),
  active: granted({}),
  'active, taken': granted({ takenFrom: [{ address: '198.51.100.7', at: '2026-11-22T10:02:00.000Z' }] }),
  'active, taken elsewhere too': granted({
    writes: NOTHING_WRITTEN,
    takenFrom: [
      { address: '198.51.100.7', at: '2026-11-22T10:02:00.000Z' },
      { address: '2001:db8:85a3:8d3:1319:8a2e:370:7348', at: '2026-11-22T10:20:00.000Z' },
      { address: '203.0.113.9', at: '2026-11-22T10:30:00.000Z' },
    ],
  }),
  'active, nothing seen': granted({ writes: NOTHING_WRITTEN }),
  'active, purge': {
    request: someRequest({ ...APPROVED, ...PURGE }),
    grant: someGrant({ levels: PURGE.levels, writes: NOTHING_WRITTEN }),
  },
  'active, attached': granted({ driver: 'attach', writes: NOTHING_WRITTEN }),
  revoking: granted({ status: 'revoking', endCause: 'done' }),
  expired: granted({ status: 'expired', endedAt: '2026-11-22T10:45:03.456Z' }),
  'expired, nothing seen': granted({
    status: 'expired',
    endedAt: '2026-11-22T10:45:03.456Z',
    writes: NOTHING_WRITTEN,
  }),
  'done early': granted({ status: 'revoked', endCause: 'done', endedAt: '2026-11-22T10:22:00.000Z' }),
  'ended by the approver': granted({
    status: 'revoked',
    endCause: 'ended-by-approver',
    endedAt: '2026-11-22T10:22:00.000Z',
  }),
  failing: granted({ status: 'revoking', endCause: 'activation-failed', ...NEVER_ACTIVE }),
  failed: granted({
    status: 'revoked',
    endCause: 'activation-failed',
    endedAt: '2026-11-22T10:01:00.000Z',
    ...NEVER_ACTIVE,
  }),
} satisfies Readonly<Record<string, Shown>>

const SEEN = { id: 'n-0123456789ab', at: '2026-11-22T10:04:12.345Z' }
const ROLE = 'arn:aws:iam::111122223333:role/latchkey/prod'

/** Everything that the security channel can be told. */
export const NOTICES = {
  'record replaced': { kind: 'record-replaced', ...SEEN, role: ROLE },
  'epoch renewed': { kind: 'epoch-renewed', ...SEEN, by: 'olga' },
  'deny changed': { kind: 'deny-changed', ...SEEN, role: ROLE, isFirst: true },
  'deny changed, of a copy': { kind: 'deny-changed', ...SEEN, role: `${ROLE}-2`, isFirst: false },
} satisfies Readonly<Record<string, Notice>>
