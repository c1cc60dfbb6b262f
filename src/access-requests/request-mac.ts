import { isMac, macOf } from '../mac.ts'
import type { AccessRequest } from './access-request.ts'

export type UnsignedRequest = Omit<AccessRequest, 'mac'>

export function signRequest(approvalKey: string, request: UnsignedRequest): AccessRequest {
  return { ...request, mac: macOf(approvalKey, 'ask', contentOf(request)) }
}

/** Whether what stands in the record is what its requester asked for. */
export function isGenuineRequest(approvalKey: string, request: AccessRequest): boolean {
  return isMac(macOf(approvalKey, 'ask', contentOf(request)), request.mac)
}

const CHANGING = new Set(['mac', 'status', 'asked', 'lapsesAt', 'reviews', 'copies', 'closedAt', 'grantId'])

/** What people read before they decide, and what the yes is then given to: all that never changes. */
function contentOf(request: UnsignedRequest): object {
  return Object.fromEntries(Object.entries(request).filter(([name]) => !CHANGING.has(name)))
}
