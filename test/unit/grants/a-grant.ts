import { signApproval } from '../../../src/grants/approval-mac.ts'
import { type GenuineGrant, requireGenuine } from '../../../src/grants/genuine-grant.ts'
import type { Grant, Terms } from '../../../src/grants/grant.ts'
import type { SessionPrincipal } from '../../../src/grants/principal.ts'

export const APPROVAL_KEY = 'a-key-that-the-record-never-holds'
export const DECIDED_AT = '2026-11-22T10:00:00.000Z'

export const ROLE: SessionPrincipal = {
  driver: 'session',
  account: '111122223333',
  roleArn: 'arn:aws:iam::111122223333:role/latchkey/prod',
  roleId: 'AROAEXAMPLE',
}

/** For grants of the driver `attach`: the role whose Deny document records an early end. */
export const DENIED_ON = { roleArn: ROLE.roleArn, roleId: ROLE.roleId }

export function someTerms(changes: Partial<Terms> = {}): Terms {
  return {
    grantId: 'g-0123456789ab',
    requestId: 'r-0123456789ab',
    requestVersion: 1,
    requester: '11111111-1111-4111-8111-111111111111',
    principal: ROLE,
    scopes: ['s3://finance-reports/2026/'],
    levels: ['write'],
    durationMinutes: 45,
    decidedAt: DECIDED_AT,
    approver: '22222222-2222-4222-8222-222222222222',
    entitlement: 'month-end',
    rulesHash: 'abc',
    ...changes,
  }
}

export function someGrant(changes: Partial<Grant> = {}): Grant {
  const terms = changes.terms ?? someTerms()
  return {
    id: terms.grantId,
    status: 'activating',
    terms,
    mac: signApproval(APPROVAL_KEY, terms),
    requesterName: 'Rita',
    approverName: 'Max',
    attempts: 0,
    ...changes,
  }
}

/** As it is read from the record. @throws when the changes make it a forged one */
export function genuine(grant: Grant): GenuineGrant {
  return requireGenuine(APPROVAL_KEY, { version: 1, grant })
}
