import type { Grant } from '../grant.ts'

/** So many are told of one grant; the audit has all. */
const MOST_ADDRESSES = 10

/** Where credentials of the grant were taken to before, as far as that is told. */
export function isKnownAddress({ takenFrom = [] }: Grant, address: string): boolean {
  return takenFrom.some((one) => one.address === address)
}

/** Undefined: there is nothing to tell. */
export function withAddress(grant: Grant, address: string, at: string): Grant | undefined {
  const { takenFrom = [] } = grant
  if (isKnownAddress(grant, address) || takenFrom.length >= MOST_ADDRESSES) return undefined
  return { ...grant, takenFrom: [...takenFrom, { address, at }] }
}
