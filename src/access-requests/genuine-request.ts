import type { RecordPort } from '../store/record-store.ts'
import {
  type AccessRequest,
  type Review,
  readRequest,
  refuseIllegalMove,
  type StoredRequest,
} from './access-request.ts'
import { isGenuineRequest } from './request-mac.ts'

/** A request whose MAC is not ours: somebody wrote into the record. Nobody decides it. */
export interface ForgedRequest extends StoredRequest {
  readonly kind: 'forged'
}

export type CheckedRequest = GenuineRequest | ForgedRequest

/**
 * A request that says what its requester asked for. What decides it takes this and nothing else. Only `check` makes one. A changed copy is none:
 * the compiler refuses it, and it lacks the private field.
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
    return isGenuineRequest(approvalKey, request)
      ? new GenuineRequest({ version, request })
      : { kind: 'forged', version, request }
  }

  static isOne(value: object): value is GenuineRequest {
    return #isChecked in value && value.#isChecked
  }

  /** The only move to a status that was decided. @throws when the table does not allow it: a fault of ours. */
  decide(status: 'approved' | 'denied', review: Review, changes: Partial<AccessRequest> = {}): AccessRequest {
    refuseIllegalMove(this.request.status, status)
    return { ...this.request, ...changes, reviews: [review], status, closedAt: review.at }
  }
}

/** Undefined: there is none. @throws when the record does not parse */
export async function readGenuineRequest(
  { record, approvalKey }: { readonly record: Pick<RecordPort, 'read'>; readonly approvalKey: string },
  id: string,
): Promise<CheckedRequest | undefined> {
  const stored = await readRequest(record, id)
  return stored && GenuineRequest.check(approvalKey, stored)
}
