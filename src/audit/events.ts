import { z } from 'zod'

/**
 * All kinds of audit events: what Latchkey did, what it found wrong, and what it refused to authenticated people. An
 * event has no time of its own; the time is that of its entry in the stream.
 */

const person = z.strictObject({ kind: z.literal('person'), objectId: z.string() })
const self = z.strictObject({ kind: z.literal('latchkey') })
/** A person who ran a command on the server. `name`: their user name on that machine. */
const operator = z.strictObject({ kind: z.literal('operator'), name: z.string() })
const actor = z.discriminatedUnion('kind', [person, self, operator])

const ids = { requestId: z.string(), grantId: z.string() }
const request = { actor, requestId: ids.requestId }
const grant = { actor, requestId: ids.requestId, grantId: ids.grantId }
const delivery = { address: z.string(), as: z.enum(['credentials', 'console', 'link']) }
const wiredRegion = { actor, account: z.string(), region: z.string() }
const terms = { scopes: z.array(z.string()), levels: z.array(z.string()), durationMinutes: z.number() }

export const auditEvent = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('request.asked'),
    ...request,
    ...terms,
    entitlement: z.string(),
    reason: z.string(),
  }),
  /** An ask was refused, so there is no request. */
  z.strictObject({ kind: z.literal('ask.refused'), actor, code: z.string(), sentence: z.string(), ...terms }),
  /**
   * An extension was refused because of its grant; `grantId` is the person's input. Other reasons give `ask.refused`.
   */
  z.strictObject({
    kind: z.literal('extend.refused'),
    actor,
    grantId: ids.grantId,
    code: z.string(),
    sentence: z.string(),
  }),
  z.strictObject({ kind: z.literal('request.cancelled'), ...request }),
  z.strictObject({ kind: z.literal('cancel.refused'), ...request, code: z.string(), sentence: z.string() }),
  z.strictObject({ kind: z.literal('request.lapsed'), ...request }),
  z.strictObject({ kind: z.literal('request.approved'), ...grant, as: z.string(), comment: z.string() }),
  z.strictObject({ kind: z.literal('request.denied'), ...request, as: z.string(), comment: z.string() }),
  /** A stored request has a wrong MAC, because it was changed from outside Latchkey. Latchkey does not decide it. */
  z.strictObject({ kind: z.literal('alarm.ask-does-not-add-up'), ...request }),
  z.strictObject({ kind: z.literal('review.refused'), ...request, code: z.string(), sentence: z.string() }),
  z.strictObject({ kind: z.literal('grant.attempted'), ...grant, attempt: z.number(), endsAt: z.string() }),
  z.strictObject({ kind: z.literal('grant.activated'), ...grant, endsAt: z.string() }),
  /** An extension was approved. Written before AWS is asked for anything. */
  z.strictObject({ kind: z.literal('grant.extended'), ...grant, endsAt: z.string() }),
  z.strictObject({ kind: z.literal('grant.end-asked'), ...grant, cause: z.string(), detail: z.string() }),
  z.strictObject({ kind: z.literal('end.refused'), ...grant, code: z.string(), sentence: z.string() }),
  /** The grant ended on time. */
  z.strictObject({ kind: z.literal('grant.expired'), ...grant, endsAt: z.string() }),
  /** The grant ended early. Written only after AWS was read back and showed that it refuses. */
  z.strictObject({ kind: z.literal('grant.revoked'), ...grant, cause: z.string() }),
  z.strictObject({ kind: z.literal('vend.intended'), ...grant, ...delivery }),
  /** Credentials that were vended before were handed out again, to another address or as a link. */
  z.strictObject({ kind: z.literal('vend.repeated'), ...grant, ...delivery }),
  z.strictObject({ kind: z.literal('vend.refused'), ...grant, code: z.string(), sentence: z.string() }),
  /**
   * A stored grant was changed from outside Latchkey: `found` says what is wrong with its MAC, id, status or end. It gives
   * no access.
   */
  z.strictObject({ kind: z.literal('alarm.yes-does-not-add-up'), ...grant, found: z.string() }),
  /** The due index names a grant that Redis no longer holds. The grant's policy in AWS ends on time without it. */
  z.strictObject({ kind: z.literal('alarm.grant-missing'), actor, grantId: ids.grantId }),
  /** Latchkey found an ended grant in the due index and removed its entry. The entry came from outside or from a restored copy. */
  z.strictObject({ kind: z.literal('grant.due-taken-out'), ...grant }),
  z.strictObject({ kind: z.literal('alarm.revoke-overdue'), ...grant, sentence: z.string() }),
  z.strictObject({ kind: z.literal('deny.written'), actor, role: z.string(), denied: z.number() }),
  /**
   * A Deny document has no room for `leftOut` ids; instead it refuses every session issued before `issuedBefore`. The
   * cause may be forged early ends.
   */
  z.strictObject({
    kind: z.literal('alarm.deny-full'),
    actor,
    role: z.string(),
    issuedBefore: z.string(),
    leftOut: z.number(),
  }),
  /**
   * AWS did not have our Deny document, so it was written again. Somebody changed it, or a delayed write arrived late.
   */
  z.strictObject({ kind: z.literal('deny.put-back'), actor, role: z.string(), denied: z.number() }),
  /** Some time after the write, AWS still had the whole Deny document. */
  z.strictObject({ kind: z.literal('deny.verified'), actor, role: z.string(), denied: z.number() }),
  /**
   * Latchkey stops reconciling a role: the rules do not name it, AWS denies access to it, and it has no session left that
   * would have to be refused.
   */
  z.strictObject({ kind: z.literal('deny.let-go'), actor, role: z.string() }),
  /**
   * A grant policy without a live grant was deleted. `found`: `unknown`, `over`, `other-principal` or `other-epoch`.
   */
  z.strictObject({
    kind: z.literal('policy.taken-away'),
    actor,
    target: z.string(),
    policy: z.string(),
    found: z.string(),
  }),
  /** After a grant's end its roles and users were read again: none has a policy of it. */
  z.strictObject({
    kind: z.literal('target.verified'),
    actor,
    grantId: ids.grantId,
    targets: z.array(z.string()),
  }),
  /** Messages were sent for the first time. Later edits of them are not audited. */
  z.strictObject({
    kind: z.literal('copies.sent'),
    actor,
    requestId: ids.requestId,
    copies: z.array(z.strictObject({ id: z.string(), reader: z.string(), channel: z.string() })),
  }),
  /** A reader cannot be reached by this message. `reason`: a sentence. */
  z.strictObject({
    kind: z.literal('copy.unreachable'),
    actor,
    requestId: ids.requestId,
    copyId: z.string(),
    reader: z.string(),
    reason: z.string(),
  }),
  /** The due index names a request that Redis no longer holds. */
  z.strictObject({ kind: z.literal('alarm.request-missing'), actor, requestId: ids.requestId }),
  /** CloudTrail records that match no grant, collected for some seconds. `reason`: as in `match-grant`. */
  z.strictObject({
    kind: z.literal('write.unexplained'),
    actor,
    account: z.string(),
    principal: z.string(),
    name: z.string(),
    bucket: z.string(),
    reason: z.string(),
    count: z.number(),
    firstAt: z.string(),
    lastAt: z.string(),
  }),
  /** A security notice was stored for delivery. `what`: its kind. */
  z.strictObject({ kind: z.literal('notice.written'), actor, noticeId: z.string(), what: z.string() }),
  /** A security notice was posted to the security channel. */
  z.strictObject({ kind: z.literal('notice.posted'), actor, noticeId: z.string(), what: z.string() }),
  /** A security notice is given up: for a week of hourly attempts there was no channel. */
  z.strictObject({ kind: z.literal('alarm.notice-undelivered'), actor, noticeId: z.string(), what: z.string() }),
  /** The due index names a security notice that is missing or has a wrong MAC. Latchkey does not post it. */
  z.strictObject({ kind: z.literal('alarm.notice-does-not-add-up'), actor, noticeId: z.string() }),
  /** `latchkey recover` set a new epoch. Nothing is granted or vended until every role has adopted it. */
  z.strictObject({ kind: z.literal('alarm.epoch-renewed'), actor }),
  /**
   * While grants are live, the wiring for CloudTrail records differs from what setup made, so S3 writes may stay
   * unseen.
   */
  z.strictObject({
    kind: z.literal('alarm.wiring-drift'),
    ...wiredRegion,
    differences: z.array(z.string()),
  }),
  /** `latchkey aws setup` finished: the region is wired as it should be, whether or not something was changed. */
  z.strictObject({ kind: z.literal('wiring.set-up'), ...wiredRegion }),
  /** `latchkey aws teardown` started. Written before AWS is asked for anything. */
  z.strictObject({ kind: z.literal('wiring.taken-down'), ...wiredRegion }),
  /** The current epoch was written into a role's Deny document. `found`: the epoch that it had before, or `none`. */
  z.strictObject({
    kind: z.literal('epoch.adopted'),
    actor,
    role: z.string(),
    found: z.string(),
    issuedBefore: z.string(),
  }),
])

export type AuditEvent = z.infer<typeof auditEvent>
export type Actor = z.infer<typeof actor>
export type Operator = z.infer<typeof operator>

export const LATCHKEY: Actor = { kind: 'latchkey' }

export function byOperator(name: string): Operator {
  return { kind: 'operator', name }
}

export function byPerson(objectId: string): Actor {
  return { kind: 'person', objectId }
}
