import { createHmac } from 'node:crypto'

/** How commit bc0697b signed its records. This copy imports nothing of `src` and never changes, because people's Redis contains what it signed. */

export type Purpose = 'ask' | 'yes' | 'deny' | 'notice'
export type Json = Readonly<Record<string, unknown>>

function frozenMac(key: string, purpose: Purpose, value: object): string {
  return createHmac('sha256', key)
    .update(`${purpose}\n${canonical(value)}`)
    .digest('base64url')
}

export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

const CHANGING = new Set(['mac', 'status', 'asked', 'lapsesAt', 'reviews', 'copies', 'closedAt', 'grantId'])

/** What the MAC of each kind of record covers, and its purpose. */
export const SIGNED: Readonly<Record<string, { readonly purpose: Purpose; content(record: Json): object }>> = {
  request: {
    purpose: 'ask',
    content: (record) => Object.fromEntries(Object.entries(record).filter(([name]) => !CHANGING.has(name))),
  },
  grant: { purpose: 'yes', content: ({ terms }) => Object(terms) },
  deny: { purpose: 'deny', content: ({ mac: _, ...rest }) => rest },
  notice: { purpose: 'notice', content: ({ notice }) => Object(notice) },
}

export const SIGNED_KINDS = Object.keys(SIGNED)

/** The MAC of a record as it was stored; the record may carry one already. */
export function frozenMacOf(key: string, kind: string, record: Json): string {
  const signed = SIGNED[kind]
  if (signed === undefined) throw new Error(`Records of the kind ${kind} carry no MAC.`)
  return frozenMac(key, signed.purpose, signed.content(record))
}

/** The purpose for which the record's MAC was made with that key; undefined when key or content differ. */
export function frozenPurpose(key: string, kind: string, record: Json): Purpose | undefined {
  const content = SIGNED[kind]?.content(record)
  if (content === undefined) return undefined
  const purposes: readonly Purpose[] = ['ask', 'yes', 'deny', 'notice']
  return purposes.find((purpose) => frozenMac(key, purpose, content) === record.mac)
}
