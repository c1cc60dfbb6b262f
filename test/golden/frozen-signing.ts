import { createHmac } from 'node:crypto'

/** How commit bc0697b signed its records: a copy that imports nothing of `src` and is never changed. What it signed lies in people's Redis. */

type Purpose = 'ask' | 'yes' | 'deny' | 'notice'
type Json = Readonly<Record<string, unknown>>

function frozenMac(key: string, purpose: Purpose, value: object): string {
  return createHmac('sha256', key)
    .update(`${purpose}\n${canonical(value)}`)
    .digest('base64url')
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

const CHANGING = new Set(['mac', 'status', 'asked', 'lapsesAt', 'reviews', 'copies', 'closedAt', 'grantId'])

/** What the MAC of each kind of record covers, and for which purpose. */
const SIGNED: Readonly<Record<string, { readonly purpose: Purpose; content(record: Json): object }>> = {
  request: {
    purpose: 'ask',
    content: (record) => Object.fromEntries(Object.entries(record).filter(([name]) => !CHANGING.has(name))),
  },
  grant: { purpose: 'yes', content: ({ terms }) => Object(terms) },
  deny: { purpose: 'deny', content: ({ mac: _, ...rest }) => rest },
  notice: { purpose: 'notice', content: ({ notice }) => Object(notice) },
}

export const SIGNED_KINDS = Object.keys(SIGNED)

/** A record as it was stored; it may carry a MAC already. */
export function frozenMacOf(key: string, kind: string, record: Json): string {
  const signed = SIGNED[kind]
  if (signed === undefined) throw new Error(`Records of the kind ${kind} carry no MAC.`)
  return frozenMac(key, signed.purpose, signed.content(record))
}

/** For which purpose its MAC was made with that key; undefined: with another key, over something else. */
export function frozenPurpose(key: string, kind: string, record: Json): Purpose | undefined {
  const content = SIGNED[kind]?.content(record)
  if (content === undefined) return undefined
  const purposes: readonly Purpose[] = ['ask', 'yes', 'deny', 'notice']
  return purposes.find((purpose) => frozenMac(key, purpose, content) === record.mac)
}
