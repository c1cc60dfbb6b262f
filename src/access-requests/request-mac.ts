import { isMac, macOf } from '../mac.ts'
import type { AccessRequest } from './access-request.ts'

export type UnsignedRequest = Omit<AccessRequest, 'mac'>

export function signRequest(approvalKey: string, request: UnsignedRequest): AccessRequest {
  return { ...request, mac: macOf(approvalKey, 'ask', contentOf(request)) }
}

/** Whether the request says what its requester asked for, by its MAC. */
export function isGenuineRequest(approvalKey: string, request: AccessRequest): boolean {
  return isMac(macOf(approvalKey, 'ask', contentOf(request)), request.mac)
}

const CHANGING = new Set(['mac', 'status', 'asked', 'lapsesAt', 'reviews', 'copies', 'closedAt', 'grantId'])

/** The fields that the MAC covers: all that never change. Approvers read these fields and approve them. */
function contentOf(request: UnsignedRequest): object {
  return Object.fromEntries(Object.entries(request).filter(([name]) => !CHANGING.has(name)))
}
