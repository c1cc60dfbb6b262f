import { z } from 'zod'
import { LatchkeyError } from '../errors.ts'
import { parseJson } from './parse-json.ts'

/** Name of the only inline policy that Latchkey writes to an elevation role. */
export const DENY_POLICY = 'latchkey.deny'

/** Limit for live and denied ids of one role together, so that every live grant still has room to be denied. */
export const DENY_IDS_PER_ROLE = 150
/** Characters that the role's other inline policies may have, so that `DENY_IDS_PER_ROLE` ids fit beside them. */
export const OTHER_INLINE_CHARACTERS = 2_000
/** Characters of all inline policies of a role together ("IAM and AWS STS quotas"). */
export const ROLE_INLINE_CHARACTERS = 10_240

/**
 * The epoch of a document that Latchkey did not write, or that was edited. Real epochs are random and never equal it.
 */
export const UNKNOWN_EPOCH = 'unknown'

/**
 * Beginning of the Sid that carries the epoch. The epoch follows in hexadecimal, because a Sid takes only letters and
 * digits.
 */
const EPOCH_SID = 'LatchkeyEpoch'
const DENIED_SID = 'LatchkeyDenied'
const UNEXPLAINED_SID = 'LatchkeyUnexplained'
const EPOCH_START = '1970-01-01T00:00:00Z'
const WHOLE_SECOND = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/
/** `aws:userid` of a role's session: the role's unique id, a colon and the session's name. */
const USER_IDS = /\bAROA[0-9A-Z]+:[\w+=,.@-]{2,64}/g

/**
 * The JSON of a Deny document. It refuses every session that was issued before `issuedBefore`, and the ids in `denied`.
 * `DENY_IDS_PER_ROLE` limits new grants only: a document may hold more ids, up to AWS's own limit.
 * @throws QUOTA_FULL when the text is longer than AWS accepts
 */
export function denyDocument(document: DenyDocument): string {
  const { epoch, issuedBefore, denied, unexplained = [] } = document
  if (epoch === '') throw new TypeError('A Deny document needs an epoch')
  if (!WHOLE_SECOND.test(issuedBefore)) throw new TypeError('issuedBefore is ISO 8601 in whole seconds')
  if (denied.some((id) => readableIds(id)[0] !== id)) throw new TypeError('A denied id is <role id>:<grant id>')
  if (unexplained.some((id) => !denied.includes(id))) throw new TypeError('An unexplained id must be in denied too')
  const text = render(document)
  if (text.length > ROLE_INLINE_CHARACTERS) refuseFullRole()
  return text
}

function render({ epoch, issuedBefore, denied, unexplained = [] }: DenyDocument): string {
  const refuse = { Effect: 'Deny', Action: '*', Resource: '*' }
  const isOlder = { DateLessThan: { 'aws:TokenIssueTime': issuedBefore } }
  const unexplainedIds = new Set(unexplained)
  // IAM refuses a condition with an empty list of values.
  const refuseIds = (Sid: string, ids: readonly string[]) =>
    ids.length > 0 ? [{ Sid, ...refuse, Condition: { StringEquals: { 'aws:userid': sorted(ids) } } }] : []
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Sid: `${EPOCH_SID}${Buffer.from(epoch).toString('hex')}`, ...refuse, Condition: isOlder },
      ...refuseIds(
        DENIED_SID,
        denied.filter((id) => !unexplainedIds.has(id)),
      ),
      ...refuseIds(UNEXPLAINED_SID, [...unexplainedIds]),
    ],
  })
}

export function refuseFullRole(): never {
  throw new LatchkeyError('QUOTA_FULL', {
    quota: 'The list of ended grants that AWS keeps on this elevation role',
    next: 'Ask again when some of them are over, or have the owner clear other inline policies from the role.',
  })
}

/**
 * Reads the document that AWS holds. If it is not exactly as `denyDocument` writes it, the result has every id that can
 * be found in the text and `UNKNOWN_EPOCH`. That epoch differs from ours, so the caller recovers as after a lost
 * record.
 */
export function parseDenyDocument(text: string): DenyDocument {
  const own = parseOwn(text)
  if (own && render(own) === text) return own
  return { epoch: UNKNOWN_EPOCH, issuedBefore: EPOCH_START, denied: readableIds(unescaped(text)) }
}

const epochStatement = z.object({
  Sid: z.string().regex(/^LatchkeyEpoch([0-9a-f]{2})+$/),
  Condition: z.object({ DateLessThan: z.object({ 'aws:TokenIssueTime': z.string().regex(WHOLE_SECOND) }) }),
})
const denials = z.object({
  Sid: z.enum([DENIED_SID, UNEXPLAINED_SID]),
  Condition: z.object({ StringEquals: z.object({ 'aws:userid': z.array(z.string()) }) }),
})
const ownDocument = z.object({ Statement: z.tuple([epochStatement], denials) })

/** Undefined for a document with other statements than Latchkey writes. The caller compares the whole text. */
function parseOwn(text: string): DenyDocument | undefined {
  const { data } = ownDocument.safeParse(parseJson(text))
  if (!data) return undefined
  const [{ Sid, Condition }, ...rest] = data.Statement
  const idsOf = (one: string) =>
    rest.flatMap(({ Sid, Condition }) => (Sid === one ? Condition.StringEquals['aws:userid'] : []))
  const unexplained = idsOf(UNEXPLAINED_SID)
  const denied = sorted([...idsOf(DENIED_SID), ...unexplained])
  if (denied.some((id) => readableIds(id)[0] !== id)) return undefined
  return {
    epoch: Buffer.from(Sid.slice(EPOCH_SID.length), 'hex').toString(),
    issuedBefore: Condition.DateLessThan['aws:TokenIssueTime'],
    denied,
    ...(unexplained.length > 0 ? { unexplained } : {}),
  }
}

/** The text without JSON escapes, because an edited document may have escapes inside an id. */
function unescaped(text: string): string {
  const value = parseJson(text)
  return value === undefined ? text : JSON.stringify(value)
}

function readableIds(text: string): readonly string[] {
  return sorted(text.match(USER_IDS) ?? [])
}

function sorted(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].sort()
}

/** The content of one role's Deny document. */
export interface DenyDocument {
  /** The epoch of the installation that wrote the document. */
  readonly epoch: string
  /** ISO 8601, whole seconds. Every session that was issued earlier is refused. */
  readonly issuedBefore: string
  /** `aws:userid` values of the refused sessions, `<role id>:<grant id>`. */
  readonly denied: readonly string[]
  /**
   * Ids in `denied` for which no genuine approval is known. They have their own statement in AWS, so that somebody who
   * can write only to Redis cannot mark another denied id as one of them.
   */
  readonly unexplained?: readonly string[]
}
