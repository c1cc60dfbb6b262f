import type { RecordPort } from '../store/record-store.ts'
import {
  type AccessRequest,
  type Review,
  readRequest,
  refuseIllegalMove,
  type StoredRequest,
} from './access-request.ts'
import { isGenuineRequest } from './request-mac.ts'

/**
 * A request that was changed in Redis. Its MAC is not Latchkey's, or it is pending and has a review, a grant or an end.
 * Nobody can decide it.
 */
export interface ForgedRequest extends StoredRequest {
  readonly kind: 'forged'
}

export type CheckedRequest = GenuineRequest | ForgedRequest

/**
 * A request whose MAC is Latchkey's, so it says what its requester asked for. Functions that decide a request take only
 * this type. Only `check` makes one: the compiler refuses a changed copy, which lacks the private field.
 */
export class GenuineRequest implements StoredRequest {
  readonly kind = 'genuine'
  readonly version: number
  readonly request: AccessRequest
  readonly #isChecked: true

  private constructor({ version, request }: StoredRequest) {
    this.version = version
    this.request = request
    this.#isChecked = true
  }

  static check(approvalKey: string, { version, request }: StoredRequest): CheckedRequest {
    return isGenuineRequest(approvalKey, request) && !isPendingWithOutcome(request)
      ? new GenuineRequest({ version, request })
      : { kind: 'forged', version, request }
  }

  static isOne(value: object): value is GenuineRequest {
    return #isChecked in value && value.#isChecked
  }

  /**
   * The only way to move a request to `approved` or `denied`.
   * @throws Error when `MOVES` does not contain the move: a fault in Latchkey
   */
  decide(status: 'approved' | 'denied', review: Review, changes: Partial<AccessRequest> = {}): AccessRequest {
    refuseIllegalMove(this.request.status, status)
    const reviews = [...this.request.reviews, review]
    return { ...this.request, ...changes, reviews, status, closedAt: review.at }
  }
}

/**
 * The MAC does not cover the outcome, and Latchkey writes it only in the commit that closes the request. Approvers must
 * not be shown a grant or a review that somebody wrote into a pending request.
 */
function isPendingWithOutcome({ status, reviews, grantId, closedAt }: AccessRequest): boolean {
  return status === 'pending' && (reviews.length > 0 || (grantId ?? closedAt) !== undefined)
}

/** Undefined: there is no such request. @throws when the record does not parse */
export async function readGenuineRequest(
  { record, approvalKey }: { readonly record: Pick<RecordPort, 'read'>; readonly approvalKey: string },
  id: string,
): Promise<CheckedRequest | undefined> {
  const stored = await readRequest(record, id)
  return stored && GenuineRequest.check(approvalKey, stored)
}
