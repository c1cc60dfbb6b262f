import { randomBytes } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { authorize, deniedMessage } from './authorize.ts'
import { AwsError, type Call, type Outcome, type ServiceHandler } from './call.ts'
import { isoSeconds } from './clock.ts'
import type { SandboxCore } from './core.ts'
import type { Context } from './evaluator.ts'
import { checkIdentityPolicy } from './iam/documents.ts'
import { trustToday } from './iam/trust.ts'
import {
  check,
  demand,
  type Form,
  invalid,
  optional,
  queryError,
  queryReply,
  readForm,
  readMembers,
  readTags,
  wholeNumber,
} from './query.ts'
import { type AwsState, accountOf, type Role, type Session, secretKey, sessionKeyId } from './state.ts'

/** STS (Security Token Service API Reference, 2011-06-15) at its regional endpoint. */

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/'
const SESSION_NAME = { pattern: /[\w+=,.@-]*/, shortest: 2, longest: 64 }
const EXTERNAL_ID = { pattern: /[\w+=,.@:/-]*/, shortest: 2, longest: 1224 }
const POLICY = { pattern: /[\t\n\r\u0020-\u00FF]+/ }
const TAG_KEY = { pattern: /[\p{L}\p{Z}\p{N}_.:/=+\-@]+/u, longest: 128 }
const TAG_VALUE = { pattern: /[\p{L}\p{Z}\p{N}_.:/=+\-@]*/u, shortest: 0, longest: 256 }
const PLAINTEXT_CHARACTERS = 2048
const CHAINED_SECONDS = 3600

/** AWS does not publish how it packs policy and tags. The sandbox counts raw deflate, with this many bytes as 100 %. */
const PACKED_BYTES = 1200

export function stsService(core: SandboxCore): ServiceHandler {
  const actions: Readonly<Record<string, (call: Call) => Outcome>> = {
    AssumeRole: (call) => assumeRole(core, call),
    GetCallerIdentity: getCallerIdentity,
  }
  return {
    service: 'sts',
    describe(request) {
      const { Action: action = '', Version: _, ...parameters } = readForm(request)
      if (actions[action] === undefined) {
        throw new AwsError('InvalidAction', 400, `Could not find operation ${action} for version 2011-06-15`)
      }
      return { service: 'sts', action, parameters }
    },
    handle(call) {
      const act = actions[call.action]
      if (act === undefined) throw new AwsError('InvalidAction', 400, `Could not find operation ${call.action}`)
      return act(call)
    },
    renderError: (error, request) => queryError(error, NAMESPACE, request.requestId),
  }
}

/** GetCallerIdentity needs no permission and cannot be denied (STS API Reference). */
function getCallerIdentity({ identity, request }: Call): Outcome {
  const { arn, userId, account } = identity
  const result = { Arn: arn, UserId: userId, Account: account }
  return { reply: queryReply('GetCallerIdentity', result, NAMESPACE, request.requestId) }
}

interface Asked {
  readonly roleArn: string
  readonly sessionName: string
  readonly sourceIdentity: string | undefined
  readonly externalId: string | undefined
  readonly policy: string | undefined
  readonly policyArns: readonly string[]
  readonly tags: readonly (readonly [string, string])[]
  readonly transitiveKeys: readonly string[]
  readonly durationSeconds: number
}

function assumeRole(core: SandboxCore, call: Call): Outcome {
  const asked = readAsked(readForm(call.request))
  refuseInherited(call, asked)
  const target = accountOf(core.state, asked.roleArn)
  const role = [...(target?.roles.values() ?? [])].find((one) => one.arn === asked.roleArn)
  refuseUnlessAllowed(core, call, asked, role)
  if (target === undefined || role === undefined) throw denied(call, 'sts:AssumeRole', asked.roleArn)
  refuseDuration(call, asked, role)
  const packed = packedPercent(asked)
  const session = openSession(target, core.clock.now(), call, { asked, role })
  const result = {
    Credentials: {
      AccessKeyId: session.accessKeyId,
      SecretAccessKey: session.secretAccessKey,
      SessionToken: session.sessionToken,
      Expiration: isoSeconds(session.expiresAt),
    },
    AssumedRoleUser: { AssumedRoleId: `${session.roleId}:${session.sessionName}`, Arn: session.arn },
    PackedPolicySize: packed === 0 ? undefined : packed,
    SourceIdentity: session.sourceIdentity,
  }
  return { reply: queryReply('AssumeRole', result, NAMESPACE, call.request.requestId), facts: { session } }
}

function readAsked(form: Form): Asked {
  const asked = {
    roleArn: demand(form, 'RoleArn', {
      pattern: /[\t\n\r\u0020-\u007E\u0085\u00A0-\uFFFF]+/,
      shortest: 20,
      longest: 2048,
    }),
    sessionName: demand(form, 'RoleSessionName', SESSION_NAME),
    sourceIdentity: optional(form, 'SourceIdentity', SESSION_NAME),
    externalId: optional(form, 'ExternalId', EXTERNAL_ID),
    policy: optional(form, 'Policy', POLICY),
    policyArns: readMembers(form, 'PolicyArns', '.arn'),
    tags: readTags(form),
    transitiveKeys: readMembers(form, 'TransitiveTagKeys'),
    durationSeconds: wholeNumber(form, 'DurationSeconds', { least: 900, most: 43_200, fallback: 3600 }),
  }
  if (asked.sourceIdentity?.toLowerCase().startsWith('aws:')) {
    throw invalid(`Value '${asked.sourceIdentity}' at 'sourceIdentity'`, "Member must not begin with 'aws:'")
  }
  checkPolicies(asked)
  checkTags(asked)
  return asked
}

function checkPolicies({ policy = '', policyArns }: Asked): void {
  if (policyArns.length > 10) throw invalid("Value at 'policyArns'", 'Member must have length less than or equal to 10')
  const characters = policyArns.reduce((sum, arn) => sum + arn.length, policy.length)
  if (characters > PLAINTEXT_CHARACTERS) {
    throw invalid("Value at 'policy'", `Member must have length less than or equal to ${PLAINTEXT_CHARACTERS}`)
  }
  if (policy !== '') checkIdentityPolicy(policy)
}

function checkTags({ tags, transitiveKeys }: Asked): void {
  if (tags.length > 50) throw invalid("Value at 'tags'", 'Member must have length less than or equal to 50')
  for (const [key, value] of tags) {
    check(key, 'tags', TAG_KEY)
    check(value, 'tags', TAG_VALUE)
  }
  // Session tag keys are compared without case.
  const keys = new Set(tags.map(([key]) => key.toLowerCase()))
  if (keys.size !== tags.length) {
    throw new AwsError(
      'InvalidParameterValue',
      400,
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    )
  }
  if (transitiveKeys.some((key) => !keys.has(key.toLowerCase()))) {
    throw new AwsError(
      'InvalidParameterValue',
      400,
      'The specified transitive tag key must be included in the requested tags.',
    )
  }
}

/** Setting a source identity and tagging each need their own permission, from the caller's policies and the trust policy (IAM User Guide, "Monitor and control actions"). */
function refuseUnlessAllowed(core: SandboxCore, call: Call, asked: Asked, role: Role | undefined): void {
  const actions = [
    'sts:AssumeRole',
    ...(sourceIdentityOf(call, asked) === undefined ? [] : ['sts:SetSourceIdentity']),
    ...(asked.tags.length === 0 && inheritedTags(call).length === 0 ? [] : ['sts:TagSession']),
  ]
  for (const action of actions) {
    const { identity, request } = call
    const context = assumeContext(call, asked, role)
    const resourceAccount = asked.roleArn.split(':')[4] ?? ''
    const question = { identity, action, resource: asked.roleArn, request, context, resourceAccount }
    const trusted = authorize(core, {
      ...question,
      resourcePolicy: role && trustToday(role, core.state),
      resourcePolicyRequired: true,
    })
    const own =
      action === 'sts:AssumeRole' ? trusted : authorize(core, { ...question, resourceAccount: identity.account })
    if (!trusted.allowed || !own.allowed) throw denied(call, action, asked.roleArn)
  }
}

function assumeContext(call: Call, asked: Asked, role: Role | undefined): Context {
  const sourceIdentity = sourceIdentityOf(call, asked)
  return {
    'sts:RoleSessionName': asked.sessionName,
    ...(sourceIdentity === undefined ? {} : { 'sts:SourceIdentity': sourceIdentity }),
    ...(asked.externalId === undefined ? {} : { 'sts:ExternalId': asked.externalId }),
    ...(asked.tags.length === 0 ? {} : { 'aws:TagKeys': asked.tags.map(([key]) => key) }),
    ...(asked.transitiveKeys.length === 0 ? {} : { 'sts:TransitiveTagKeys': asked.transitiveKeys }),
    ...Object.fromEntries(asked.tags.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...Object.fromEntries([...(role?.tags ?? [])].map(([key, value]) => [`aws:ResourceTag/${key}`, value])),
  }
}

/** A source identity persists through role chaining and cannot be changed. */
function sourceIdentityOf({ identity }: Call, asked: Asked): string | undefined {
  return (identity.type === 'session' ? identity.session.sourceIdentity : undefined) ?? asked.sourceIdentity
}

/** Transitive tags of the calling session are passed on (IAM User Guide, "Chaining roles with session tags"). */
function inheritedTags({ identity }: Call): (readonly [string, string])[] {
  if (identity.type === 'user') return []
  const { tags, transitiveKeys } = identity.session
  return transitiveKeys.map((key) => [key, tags.get(key) ?? ''])
}

/** Refuses to change what the role chain inherited: source identity and transitive tags. */
function refuseInherited(call: Call, asked: Asked): void {
  const inherited = call.identity.type === 'session' ? call.identity.session.sourceIdentity : undefined
  if (inherited !== undefined && asked.sourceIdentity !== undefined && asked.sourceIdentity !== inherited) {
    throw denied(call, 'sts:SetSourceIdentity', asked.roleArn)
  }
  const kept = new Set(inheritedTags(call).map(([key]) => key.toLowerCase()))
  if (asked.tags.some(([key]) => kept.has(key.toLowerCase()))) {
    throw new AwsError(
      'InvalidParameterValue',
      400,
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
    )
  }
}

function refuseDuration({ identity }: Call, { durationSeconds }: Asked, role: Role): void {
  if (durationSeconds > role.maxSessionSeconds) {
    throw new AwsError(
      'ValidationError',
      400,
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    )
  }
  if (identity.type === 'session' && durationSeconds > CHAINED_SECONDS) {
    throw new AwsError(
      'ValidationError',
      400,
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    )
  }
}

function packedPercent({ policy = '', policyArns, tags }: Asked): number {
  const plain = policy + policyArns.join('') + tags.flat().join('')
  if (plain === '') return 0
  const percent = Math.ceil((deflateRawSync(plain).length * 100) / PACKED_BYTES)
  if (percent <= 100) return percent
  throw new AwsError(
    'PackedPolicyTooLarge',
    400,
    `Packed size of session tags and session policy consumes ${percent}% of allotted space.`,
  )
}

interface Admission {
  readonly asked: Asked
  readonly role: Role
}

/** Opens the session in the role's account, whichever account the caller is in. */
function openSession(target: AwsState, now: number, call: Call, { asked, role }: Admission): Session {
  const issuedAt = Math.floor(now / 1000) * 1000
  const inherited = inheritedTags(call)
  const session: Session = {
    accessKeyId: sessionKeyId(),
    secretAccessKey: secretKey(),
    sessionToken: `SANDBOX${randomBytes(180).toString('base64')}`,
    arn: `arn:aws:sts::${target.account}:assumed-role/${role.roleName}/${asked.sessionName}`,
    roleName: role.roleName,
    roleArn: role.arn,
    roleId: role.roleId,
    sessionName: asked.sessionName,
    sourceIdentity: sourceIdentityOf(call, asked),
    tags: new Map([...role.tags, ...asked.tags, ...inherited]),
    transitiveKeys: [...inherited.map(([key]) => key), ...asked.transitiveKeys],
    policy: asked.policy,
    policyArns: asked.policyArns,
    chained: call.identity.type === 'session',
    issuedAt,
    expiresAt: issuedAt + asked.durationSeconds * 1000,
  }
  target.sessions.set(session.accessKeyId, session)
  return session
}

/** STS does not say which policy lacks the Allow. It gives the same answer for a role that does not exist. */
function denied(call: Call, action: string, roleArn: string): AwsError {
  const message = deniedMessage(call.identity, action, roleArn, { allowed: false, reason: '' }).trim()
  return new AwsError('AccessDenied', 403, message)
}
