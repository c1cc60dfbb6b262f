import { createHash } from 'node:crypto'
import { canonicalJson, isMac, type MacVersion, macVersionOf, makeMac } from '../mac.ts'
import type { AccessRequest } from './access-request.ts'

export type UnsignedRequest = Omit<AccessRequest, 'mac'>

export function signRequest(approvalKey: string, request: UnsignedRequest): AccessRequest {
  return { ...request, mac: makeMac(approvalKey, 'ask', contentOf(request, 2)) }
}

/** Whether the request says what its requester asked for, by its MAC. */
export function isGenuineRequest(approvalKey: string, request: AccessRequest): boolean {
  return isMac(approvalKey, 'ask', contentOf(request, macVersionOf(request.mac)), request.mac)
}

/** Names the content that a reviewer was shown: everything that the MAC covers. Opaque to clients. */
export function contentVersion(request: AccessRequest): string {
  const version = macVersionOf(request.mac)
  const content = createHash('sha256')
    .update(canonicalJson(contentOf(request, version)))
    .digest('base64url')
  return `${version}.${content.slice(0, 22)}`
}

const CHANGING = ['mac', 'status', 'asked', 'reviews', 'copies', 'closedAt', 'grantId'] as const

/** The fields that a MAC of each version does not cover. */
const UNCOVERED: Readonly<Record<MacVersion, ReadonlySet<string>>> = {
  1: new Set([...CHANGING, 'lapsesAt']),
  2: new Set(CHANGING),
}

/** The fields that a MAC of this version covers. They never change: approvers read them and approve them. */
function contentOf(request: UnsignedRequest, version: MacVersion): object {
  return Object.fromEntries(Object.entries(request).filter(([name]) => !UNCOVERED[version].has(name)))
}
