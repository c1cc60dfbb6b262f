import type { Deny, Request, SecurityNotice, Terms } from './from-src.ts'

/** Records with every field that a MAC covers, and records with only the required ones. They never change. */

const RITA = '11111111-1111-4111-8111-111111111111'
const MAX = '22222222-2222-4222-8222-222222222222'
const DANA = '33333333-3333-4333-8333-333333333333'
const ROLE = { roleArn: 'arn:aws:iam::111122223333:role/latchkey/prod', roleId: 'AROAEXAMPLE' }
const SESSION = { driver: 'session', account: '111122223333', ...ROLE } as const
const ATTACH = {
  driver: 'attach',
  account: '111122223333',
  arn: 'arn:aws:iam::111122223333:role/app-team',
  userid: 'AROAOTHER:rita',
  deniedOn: ROLE,
} as const
const CONDITIONS: NonNullable<Terms['conditions']> = { sourceIps: ['203.0.113.0/24', '2001:db8::/32'], mfa: true }

const REQUEST: Request = {
  id: 'r-0123456789ab',
  status: 'pending',
  requester: { objectId: RITA, name: 'Rita Reyes' },
  scopes: ['s3://finance-reports/2026/'],
  levels: ['write'],
  durationMinutes: 45,
  reason: 'month-end fix',
  ticket: '',
  entitlement: 'month-end',
  principal: SESSION,
  asked: [{ objectId: MAX, name: 'Max Mertens', as: 'manager' }],
  askedAt: '2026-11-22T10:00:00.000Z',
  lapsesAt: '2026-11-22T18:00:00.000Z',
  reviews: [],
  copies: ['c-0123456789ab'],
  mac: '',
}

export const REQUESTS: Readonly<Record<string, Request>> = {
  least: REQUEST,
  most: {
    ...REQUEST,
    status: 'approved',
    scopes: ['s3://finance-reports/2026/', 's3://finance-reports/Größe "€" 👩/'],
    levels: ['read', 'write', 'delete'],
    conditions: CONDITIONS,
    reason: 'two\nlines, "quoted" \\ and é',
    ticket: 'FIN-4711',
    extends: 'g-0123456789ab',
    principal: ATTACH,
    warnings: ['AWS may refuse it.'],
    reviews: [
      {
        reviewer: { objectId: MAX, name: 'Max Mertens' },
        as: 'manager',
        decision: 'approve',
        comment: 'fine',
        at: '2026-11-22T10:05:00.000Z',
      },
    ],
    closedAt: '2026-11-22T10:05:00.000Z',
    grantId: 'g-0123456789ab',
  },
}

const TERMS: Terms = {
  grantId: 'g-0123456789ab',
  requestId: 'r-0123456789ab',
  requestVersion: 1,
  requester: RITA,
  principal: SESSION,
  scopes: ['s3://finance-reports/2026/'],
  levels: ['write'],
  durationMinutes: 45,
  decidedAt: '2026-11-22T10:00:00.000Z',
  approver: MAX,
  entitlement: 'month-end',
  rulesHash: 'ab'.repeat(32),
}

export const TERMS_OF: Readonly<Record<string, Terms>> = {
  least: TERMS,
  most: {
    ...TERMS,
    principal: ATTACH,
    scopes: ['s3://finance-reports/2026/', 's3://finance-reports/Größe "€" 👩/'],
    levels: ['read', 'write', 'delete'],
    conditions: CONDITIONS,
    extension: { requestId: 'r-ba9876543210', requestVersion: 1 },
    earlier: [
      { approver: DANA, durationMinutes: 30, endsAt: '2026-11-22T10:30:00.000Z' },
      {
        approver: MAX,
        durationMinutes: 60,
        conditions: { vpcEndpoints: ['vpce-0a1b2c3d'] },
        endsAt: '2026-11-22T11:00:00.000Z',
      },
    ],
  },
}

const DENY: Deny = {
  account: '111122223333',
  ...ROLE,
  epoch: '0f8fad5b-d9cb-469f-a165-70867728950e',
  issuedBefore: '1970-01-01T00:00:00Z',
  denied: [],
  writtenAt: '2026-11-22T10:00:00.000Z',
}

export const DENY_LISTS: Readonly<Record<string, Deny>> = {
  least: DENY,
  most: {
    ...DENY,
    issuedBefore: '2026-11-22T09:59:59Z',
    denied: [
      { userid: 'AROAEXAMPLE:g-0123456789ab', until: '2026-11-22T11:50:00.000Z' },
      { userid: 'AROAEXAMPLE:g-ba9876543210', until: '2026-11-22T11:55:00.000Z', unexplained: true },
    ],
  },
}

const SEEN = { id: 'n-0123456789ab', at: '2026-11-22T10:04:12.345Z' }

export const NOTICES: Readonly<Record<string, SecurityNotice>> = {
  'epoch-renewed': { kind: 'epoch-renewed', ...SEEN, by: 'olga' },
  'record-replaced': { kind: 'record-replaced', ...SEEN, role: ROLE.roleArn },
  'deny-changed': { kind: 'deny-changed', ...SEEN, role: ROLE.roleArn, isFirst: true },
}
