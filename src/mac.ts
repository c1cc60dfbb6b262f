import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

type Purpose = 'ask' | 'yes' | 'deny' | 'notice'

/** Decides the text that a MAC is made of, and which fields it covers. Version 1 is only checked, never made. */
export type MacVersion = 1 | 2

/** The signed text of each version. It never changes, because Redis holds MACs of both versions. */
const TEXTS: Readonly<Record<MacVersion, (purpose: Purpose, value: object) => string>> = {
  1: (purpose, value) => `${purpose}\n${canonicalJson(value)}`,
  2: (purpose, value) => `${purpose}\n2\n${canonicalJson(value)}`,
}

/**
 * HMAC-SHA-256 of a value, of version 2.
 * @param purpose part of the signed text, so that a MAC made for one purpose is not valid for another
 * @returns "2." and the MAC as base64url
 */
export function makeMac(approvalKey: string, purpose: Purpose, value: object): string {
  return `2.${hmac(approvalKey, TEXTS[2](purpose, value))}`
}

/** Whether the MAC was made for this value and purpose, in the form of its own version. */
export function isMac(approvalKey: string, purpose: Purpose, value: object, mac: string): boolean {
  const version = macVersionOf(mac)
  const wanted = hmac(approvalKey, TEXTS[version](purpose, value))
  const [a, b] = [Buffer.from(version === 1 ? wanted : `${version}.${wanted}`), Buffer.from(mac)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Version 1 has no number: it is the MAC as base64url, which contains no dot. */
export function macVersionOf(mac: string): MacVersion {
  return mac.startsWith('2.') ? 2 : 1
}

function hmac(approvalKey: string, text: string): string {
  return createHmac('sha256', approvalKey).update(text).digest('base64url')
}

/** Compares secrets by their SHA-256, which have equal length, so that the time does not depend on the text. */
export function isSameSecret(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash('sha256').update(text).digest())
  return a !== undefined && b !== undefined && timingSafeEqual(a, b)
}

/** JSON with sorted keys at every depth, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
