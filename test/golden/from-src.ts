/** The only imports of the golden tests from `src`, so that moves and renames there change this file alone. */

import { z } from 'zod'
import { readRequest } from '../../src/access-requests/access-request.ts'
import { isGenuineRequest, signRequest } from '../../src/access-requests/request-mac.ts'
import { auditEvent } from '../../src/audit/events.ts'
import { renderMail } from '../../src/cards/approval-mail.ts'
import { signApproval } from '../../src/grants/approval-mac.ts'
import { readGrant, terms } from '../../src/grants/grant.ts'
import { denyListCommit } from '../../src/grants/session/deny-list.ts'
import { isMac } from '../../src/mac.ts'
import { message as copy } from '../../src/messages/message.ts'
import { noticeCommit } from '../../src/messages/security-notice.ts'
import { parseRules } from '../../src/rules/file/parse-rules.ts'
import { pathsOf } from './mask.ts'

type Request = Parameters<typeof isGenuineRequest>[1]
type Deny = Parameters<typeof denyListCommit>[2]
type SecurityNotice = Parameters<typeof noticeCommit>[1]

export type Terms = Parameters<typeof signApproval>[1]
export type { Deny, Request, SecurityNotice }

export function macOfRequest(key: string, request: Request): string {
  return signRequest(key, request).mac
}

export function macOfGrant(key: string, terms: Terms): string {
  return signApproval(key, terms)
}

/** The record as Latchkey reads it. */
export async function readStored(kind: 'request' | 'grant', id: string, value: object): Promise<object | undefined> {
  const record = { read: async () => ({ version: 1, value }) }
  return kind === 'request' ? (await readRequest(record, id))?.request : (await readGrant(record, id))?.grant
}

export const isGenuineRequestMac = isGenuineRequest

export function isGenuineTerms(key: string, terms: Terms, mac: string): boolean {
  return isMac(key, 'yes', terms, mac)
}

export function isGenuineDeny(key: string, deny: Deny, mac: string): boolean {
  return isMac(key, 'deny', deny, mac)
}

export function isGenuineNotice(key: string, notice: SecurityNotice, mac: string): boolean {
  return isMac(key, 'notice', notice, mac)
}

/** The record of a deny list as it is stored. */
export function denyRecordOf(key: string, value: Deny): object | undefined {
  return denyListCommit(key, 0, value, null, []).records[0]?.next
}

/** The record of a security notice as it is stored, for rules that name a security channel. */
export function noticeRecordOf(key: string, rulesText: string, notice: SecurityNotice): object | undefined {
  return noticeCommit({ approvalKey: key, rules: parseRules(rulesText) }, notice, 0).records[0]?.next
}

export function hashOfRules(text: string): string {
  return parseRules(text).hash
}

function schemaPaths(schema: z.ZodType): readonly string[] {
  const paths = pathsOf(Object(z.toJSONSchema(schema, { unrepresentable: 'any' })))
  return [...new Set(paths)].sort()
}

/** The fields of every kind of audit event, as `kind.path`. Every kind has an actor, whose fields are listed once. */
export function auditPaths(): readonly string[] {
  const { oneOf, anyOf } = Object(z.toJSONSchema(auditEvent))
  const kinds: readonly Readonly<Record<string, unknown>>[] = oneOf ?? anyOf
  const paths = kinds.flatMap((schema) =>
    pathsOf(schema).map((path) => (path.startsWith('actor.') ? path : `${kindOf(schema)}.${path}`)),
  )
  return [...new Set(paths)].sort()
}

function kindOf(schema: Readonly<Record<string, unknown>>): string {
  return String(Object(Object(schema.properties).kind).const)
}

export const termsPaths = () => schemaPaths(terms)
export const messagePaths = () => schemaPaths(copy)

export { renderMail }
