import { z } from 'zod'
import { LatchkeyError } from '../errors.ts'
import { parseJson } from './parse-json.ts'

/** The one inline policy of ours on an elevation role. */
export const DENY_POLICY = 'latchkey.deny'

/** Live and denied ids of one role together: so every live grant can still be denied, beside the role's other inline policies. */
export const DENY_IDS_PER_ROLE = 150
/** What the role's other inline policies may take, for that to stay true. */
export const OTHER_INLINE_CHARACTERS = 2_000
/** IAM quotas: all inline policies of a role together. */
export const ROLE_INLINE_CHARACTERS = 10_240

/** The epoch of a document that was not made by us, or not left as we made it. No installation's is this: theirs are random. */
export const UNKNOWN_EPOCH = 'unknown'

/** A Sid takes letters and digits only, so the epoch follows in hexadecimal. */
const SID = 'LatchkeyEpoch'
const DENIED = 'LatchkeyDenied'
const UNEXPLAINED = 'LatchkeyUnexplained'
const LONG_AGO = '1970-01-01T00:00:00Z'
const WHOLE_SECOND = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/
/** `aws:userid` of a role's session: AWS's id of the role, and the session's name. */
const USER_ID = /\bAROA[0-9A-Z]+:[\w+=,.@-]{2,64}/g

/**
 * Refuses sessions issued before `issuedBefore`, whoever holds them, and the ids in `denied`, whenever they were issued.
 * Writing more than new grants may count on is right: a denial is not held back by a limit of ours.
 */
export function denyDocument(document: DenyDocument): string {
  const { epoch, issuedBefore, denied, unexplained = [] } = document
  if (epoch === '') throw new TypeError('A Deny document carries its epoch')
  if (!WHOLE_SECOND.test(issuedBefore)) throw new TypeError('issuedBefore is ISO 8601 in whole seconds')
  if (denied.some((id) => readableIds(id)[0] !== id)) throw new TypeError('A denied id is <role id>:<grant id>')
  if (unexplained.some((id) => !denied.includes(id))) throw new TypeError('An unexplained id is denied too')
  const text = write(document)
  if (text.length > ROLE_INLINE_CHARACTERS) refuseFullRole()
  return text
}

function write({ epoch, issuedBefore, denied, unexplained = [] }: DenyDocument): string {
  const refuse = { Effect: 'Deny', Action: '*', Resource: '*' }
  const older = { DateLessThan: { 'aws:TokenIssueTime': issuedBefore } }
  const apart = new Set(unexplained)
  // IAM takes an empty list of values in no condition.
  const refuseIds = (Sid: string, ids: readonly string[]) =>
    ids.length > 0 ? [{ Sid, ...refuse, Condition: { StringEquals: { 'aws:userid': sorted(ids) } } }] : []
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Sid: `${SID}${Buffer.from(epoch).toString('hex')}`, ...refuse, Condition: older },
      ...refuseIds(
        DENIED,
        denied.filter((id) => !apart.has(id)),
      ),
      ...refuseIds(UNEXPLAINED, [...apart]),
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
 * What AWS holds. Of a document that is not exactly as we write it, every id that can still be read stays denied, and its epoch is
 * unknown: who compares epochs finds a difference, and does what a lost record demands.
 */
export function parseDenyDocument(text: string): DenyDocument {
  const ours = parseOurs(text)
  if (ours && write(ours) === text) return ours
  return { epoch: UNKNOWN_EPOCH, issuedBefore: LONG_AGO, denied: readableIds(unescaped(text)) }
}

const older = z.object({
  Sid: z.string().regex(/^LatchkeyEpoch([0-9a-f]{2})+$/),
  Condition: z.object({ DateLessThan: z.object({ 'aws:TokenIssueTime': z.string().regex(WHOLE_SECOND) }) }),
})
const denials = z.object({
  Sid: z.enum([DENIED, UNEXPLAINED]),
  Condition: z.object({ StringEquals: z.object({ 'aws:userid': z.array(z.string()) }) }),
})
const ours = z.object({ Statement: z.tuple([older], denials) })

/** Whether the rest of the text is as we write it too is for the caller to compare. */
function parseOurs(text: string): DenyDocument | undefined {
  const { data } = ours.safeParse(parseJson(text))
  if (!data) return undefined
  const [{ Sid, Condition }, ...rest] = data.Statement
  const idsOf = (one: string) =>
    rest.flatMap(({ Sid, Condition }) => (Sid === one ? Condition.StringEquals['aws:userid'] : []))
  const unexplained = idsOf(UNEXPLAINED)
  const denied = sorted([...idsOf(DENIED), ...unexplained])
  if (denied.some((id) => readableIds(id)[0] !== id)) return undefined
  return {
    epoch: Buffer.from(Sid.slice(SID.length), 'hex').toString(),
    issuedBefore: Condition.DateLessThan['aws:TokenIssueTime'],
    denied,
    ...(unexplained.length > 0 ? { unexplained } : {}),
  }
}

/** Ids may stand anywhere in an edited document, and behind JSON escapes. */
function unescaped(text: string): string {
  const value = parseJson(text)
  return value === undefined ? text : JSON.stringify(value)
}

function readableIds(text: string): readonly string[] {
  return sorted(text.match(USER_ID) ?? [])
}

function sorted(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].sort()
}

/** Everything a role refuses early, as a whole. `denied` holds `aws:userid` values, `<role id>:<grant id>`. */
export interface DenyDocument {
  readonly epoch: string
  /** ISO 8601, whole seconds: sessions issued before this are refused, whoever holds them. */
  readonly issuedBefore: string
  readonly denied: readonly string[]
  /** Those of `denied` that no true yes explains. AWS keeps them apart: whoever writes to Redis cannot make one of the others look like them. */
  readonly unexplained?: readonly string[]
}
