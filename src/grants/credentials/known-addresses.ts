import type { Grant } from '../grant.ts'

/** A grant keeps this many addresses. The audit has all. */
const MOST_ADDRESSES = 10

/** Whether the grant already lists this address among those that received its credentials. */
export function isKnownAddress({ takenFrom = [] }: Grant, address: string): boolean {
  return takenFrom.some((one) => one.address === address)
}

/** The grant with a new address. Undefined: the address is known, or the list is full. */
export function withAddress(grant: Grant, address: string, at: string): Grant | undefined {
  const { takenFrom = [] } = grant
  if (isKnownAddress(grant, address) || takenFrom.length >= MOST_ADDRESSES) return undefined
  return { ...grant, takenFrom: [...takenFrom, { address, at }] }
}
