import { z } from 'zod'

/** Every kind of audit event: what we did, and every refusal to somebody known. The time of an event is the time of its entry in the record. */

const person = z.strictObject({ kind: z.literal('person'), objectId: z.string() })
const self = z.strictObject({ kind: z.literal('latchkey') })
/** Whoever ran a command on the server; `name` as that machine has it. */
const operator = z.strictObject({ kind: z.literal('operator'), name: z.string() })
const actor = z.discriminatedUnion('kind', [person, self, operator])

const ids = { requestId: z.string(), grantId: z.string() }
const request = { actor, requestId: ids.requestId }
const grant = { actor, requestId: ids.requestId, grantId: ids.grantId }
const delivery = { address: z.string(), as: z.enum(['credentials', 'console', 'link']) }
const place = { actor, account: z.string(), region: z.string() }
const what = { scopes: z.array(z.string()), levels: z.array(z.string()), durationMinutes: z.number() }

export const auditEvent = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('request.asked'),
    ...request,
    ...what,
    entitlement: z.string(),
    reason: z.string(),
  }),
  /** A refusal of an ask: there is no request. */
  z.strictObject({ kind: z.literal('ask.refused'), actor, code: z.string(), sentence: z.string(), ...what }),
  /** A refusal because of the grant that was to go on; `grantId` as the person gave it. Everything else of such an ask is refused like any other. */
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
  /** What stands in the record is not what was asked: somebody wrote into it. Nothing of it is shown or decided any more. */
  z.strictObject({ kind: z.literal('alarm.ask-does-not-add-up'), ...request }),
  z.strictObject({ kind: z.literal('review.refused'), ...request, code: z.string(), sentence: z.string() }),
  z.strictObject({ kind: z.literal('grant.attempted'), ...grant, attempt: z.number(), endsAt: z.string() }),
  z.strictObject({ kind: z.literal('grant.activated'), ...grant, endsAt: z.string() }),
  /** By a yes of its own, before AWS is asked for anything. */
  z.strictObject({ kind: z.literal('grant.extended'), ...grant, endsAt: z.string() }),
  z.strictObject({ kind: z.literal('grant.end-asked'), ...grant, cause: z.string(), detail: z.string() }),
  z.strictObject({ kind: z.literal('end.refused'), ...grant, code: z.string(), sentence: z.string() }),
  /** Ended when its time was over. */
  z.strictObject({ kind: z.literal('grant.expired'), ...grant, endsAt: z.string() }),
  /** Ended before its time, and AWS was seen to refuse. Never written before the read-back. */
  z.strictObject({ kind: z.literal('grant.revoked'), ...grant, cause: z.string() }),
  z.strictObject({ kind: z.literal('vend.intended'), ...grant, ...delivery }),
  /** What was vended before was handed out again: to another address, or as a link. */
  z.strictObject({ kind: z.literal('vend.repeated'), ...grant, ...delivery }),
  z.strictObject({ kind: z.literal('vend.refused'), ...grant, code: z.string(), sentence: z.string() }),
  /** A yes that does not add up: somebody wrote into the record. Activates and vends nothing. */
  z.strictObject({ kind: z.literal('alarm.yes-does-not-add-up'), ...grant, found: z.string() }),
  /** The due index named a grant that the record does not hold: somebody took it out. What AWS enforces has its end inside. */
  z.strictObject({ kind: z.literal('alarm.grant-missing'), actor, grantId: ids.grantId }),
  /** The due index named a grant that is over: it was put there past us, or came back with an older record. */
  z.strictObject({ kind: z.literal('grant.due-taken-out'), ...grant }),
  z.strictObject({ kind: z.literal('alarm.revoke-overdue'), ...grant, sentence: z.string() }),
  z.strictObject({ kind: z.literal('deny.written'), actor, role: z.string(), denied: z.number() }),
  /** It could not take all: every session issued before that is refused, and so many ids were left out. Somebody may have forged early ends. */
  z.strictObject({
    kind: z.literal('alarm.deny-full'),
    actor,
    role: z.string(),
    issuedBefore: z.string(),
    leftOut: z.number(),
  }),
  /** AWS did not hold what we had written: somebody changed it by hand, or a lost write landed late. */
  z.strictObject({ kind: z.literal('deny.put-back'), actor, role: z.string(), denied: z.number() }),
  /** Looked at again some time after the write, and found whole. */
  z.strictObject({ kind: z.literal('deny.verified'), actor, role: z.string(), denied: z.number() }),
  /** AWS does not let us at it, the rules name the role no more, and nobody needs to be refused there any more. */
  z.strictObject({ kind: z.literal('deny.let-go'), actor, role: z.string() }),
  /** A policy of ours that no live grant explains. `found`: `unknown`, `over`, `other-principal` or `other-epoch`. */
  z.strictObject({
    kind: z.literal('policy.taken-away'),
    actor,
    target: z.string(),
    policy: z.string(),
    found: z.string(),
  }),
  /** Looked at again after a grant's end: no policy of it is left there. */
  z.strictObject({
    kind: z.literal('target.verified'),
    actor,
    grantId: ids.grantId,
    targets: z.array(z.string()),
  }),
  /** Cards and mails that were sent for the first time; what they show later follows the record. */
  z.strictObject({
    kind: z.literal('copies.sent'),
    actor,
    requestId: ids.requestId,
    copies: z.array(z.strictObject({ id: z.string(), reader: z.string(), channel: z.string() })),
  }),
  /** Somebody cannot be reached there. `reason`: a sentence. */
  z.strictObject({
    kind: z.literal('copy.unreachable'),
    actor,
    requestId: ids.requestId,
    copyId: z.string(),
    reader: z.string(),
    reason: z.string(),
  }),
  /** Nothing that is shown belongs to the id that was due: somebody took the request out of the record. */
  z.strictObject({ kind: z.literal('alarm.request-missing'), actor, requestId: ids.requestId }),
  /** CloudTrail records that belong to no grant we know, gathered for some seconds. `reason`: as `match-grant` has it. */
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
  /** The security channel is to be told something. `what`: the kind of notice. */
  z.strictObject({ kind: z.literal('notice.written'), actor, noticeId: z.string(), what: z.string() }),
  /** The security channel took it. */
  z.strictObject({ kind: z.literal('notice.posted'), actor, noticeId: z.string(), what: z.string() }),
  /** There was no channel for it, asked every hour for a week; it is not tried any more. */
  z.strictObject({ kind: z.literal('alarm.notice-undelivered'), actor, noticeId: z.string(), what: z.string() }),
  /** What was due for the security channel is not of us: somebody wrote it into the record, or took ours out. Nothing of it is posted. */
  z.strictObject({ kind: z.literal('alarm.notice-does-not-add-up'), actor, noticeId: z.string() }),
  /** `latchkey recover`: nothing is granted or vended until every role was adopted. */
  z.strictObject({ kind: z.literal('alarm.epoch-renewed'), actor }),
  /** While grants are live, the way of CloudTrail's records to us is not as it was set up: what is written may not be seen. */
  z.strictObject({
    kind: z.literal('alarm.wiring-drift'),
    ...place,
    differences: z.array(z.string()),
  }),
  /** `latchkey aws setup`: that region of the account is as it should be, whether or not something had to be made. */
  z.strictObject({ kind: z.literal('wiring.set-up'), ...place }),
  /** `latchkey aws teardown`, before AWS is asked for anything. */
  z.strictObject({ kind: z.literal('wiring.taken-down'), ...place }),
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
