import { createHmac } from 'node:crypto'
import { canonical, type Json, type Purpose, SIGNED } from './frozen-signing.ts'

/** How MACs of version 2 are made. This copy imports nothing of `src` and never changes, because people's Redis contains what it signed. */

/** Version 2 covers what version 1 covers, and `lapsesAt` of a request. */
function contentOf(kind: string, record: Json): object | undefined {
  const content = SIGNED[kind]?.content(record)
  return content !== undefined && kind === 'request' ? { ...content, lapsesAt: record.lapsesAt } : content
}

function frozenMac(key: string, purpose: Purpose, value: object): string {
  const mac = createHmac('sha256', key)
    .update(`${purpose}\n2\n${canonical(value)}`)
    .digest('base64url')
  return `2.${mac}`
}

/** The purpose for which the record's MAC was made with that key; undefined when key or content differ. */
export function frozenPurpose2(key: string, kind: string, record: Json): Purpose | undefined {
  const content = contentOf(kind, record)
  if (content === undefined) return undefined
  const purposes: readonly Purpose[] = ['ask', 'yes', 'deny', 'notice']
  return purposes.find((purpose) => frozenMac(key, purpose, content) === record.mac)
}
