import type { Identity, SandboxRequest } from './call.ts'
import { isoSeconds, type SandboxClock } from './clock.ts'
import { type Context, evaluate, type Verdict } from './evaluator.ts'
import { type PolicyDocument, parsePolicy } from './policy.ts'
import type { AwsState, Role, User } from './state.ts'

export interface Authorization {
  readonly identity: Identity
  /** An IAM action such as `s3:PutObject`. */
  readonly action: string
  readonly resource: string
  readonly request: SandboxRequest
  /** The condition keys of this call (such as `s3:prefix`). The global keys are added here. */
  readonly context?: Context
  /** Text of the resource's policy: a bucket policy or a trust policy. */
  readonly resourcePolicy?: string | undefined
  /** The account that owns the resource; default: the caller's. */
  readonly resourceAccount?: string
  /** True: the resource's policy must allow the action even in the same account, as a role's trust policy must. */
  readonly resourcePolicyRequired?: boolean
}

/** Decides whether the identity may do the action now, from identity policies, boundary, session policy and resource policy. */
export function authorize(core: { state: AwsState; clock: SandboxClock }, asked: Authorization): Verdict {
  const { clock } = core
  const { identity } = asked
  const state = ownAccount(core.state, identity)
  const entity = identity.type === 'user' ? state.users.get(identity.userName) : roleOf(state, identity)
  const seenAt = clock.now() - state.propagationMs
  return evaluate({
    identityPolicies: entity === undefined ? [] : identityPolicies(state, entity, seenAt),
    boundary: entity?.boundaryArn === undefined ? undefined : managed(state, entity.boundaryArn),
    sessionPolicies: identity.type === 'session' ? sessionPolicies(state, identity) : undefined,
    resourcePolicy: asked.resourcePolicy === undefined ? undefined : parsePolicy(asked.resourcePolicy),
    resourcePolicyRequired: asked.resourcePolicyRequired ?? false,
    sameAccount: (asked.resourceAccount ?? state.account) === identity.account,
    principal: {
      arn: identity.arn,
      account: identity.account,
      roleArn: identity.type === 'session' ? identity.session.roleArn : undefined,
    },
    request: {
      action: asked.action,
      resource: asked.resource,
      context: { ...globalContext(asked, state, clock.now()), ...asked.context },
    },
  })
}

/** Returns the state of the caller's account, which holds the caller's own policies. The resource may be in another account. */
export function ownAccount(state: AwsState, identity: Identity): AwsState {
  return state.accounts.get(identity.account) ?? state
}

/** The sentence that AWS answers to a refusal. */
export function deniedMessage(identity: Identity, action: string, resource: string, verdict: Verdict): string {
  return `User: ${identity.arn} is not authorized to perform: ${action} on resource: ${resource} ${verdict.reason}`
}

/** Finds the role of a session by its unique id. A role that was deleted and made again under the same name has another id, so old sessions have no rights. */
function roleOf(state: AwsState, identity: Extract<Identity, { type: 'session' }>): Role | undefined {
  const role = state.roles.get(identity.session.roleName)
  return role?.roleId === identity.session.roleId ? role : undefined
}

function identityPolicies(state: AwsState, entity: Role | User, seenAt: number): PolicyDocument[] {
  const enforced = state.propagationMs === 0 ? entity.inline.current() : entity.inline.asOf(seenAt)
  const inline = [...enforced.values()].map(parsePolicy)
  return [...inline, ...[...entity.attached].flatMap((arn) => managed(state, arn))]
}

function managed(state: AwsState, arn: string): PolicyDocument[] {
  const policy = state.policies.get(arn)
  const text = policy?.versions.get(policy.defaultVersionId)?.document
  return text === undefined ? [] : [parsePolicy(text)]
}

function sessionPolicies(
  state: AwsState,
  { session }: Extract<Identity, { type: 'session' }>,
): PolicyDocument[] | undefined {
  if (session.policy === undefined && session.policyArns.length === 0) return undefined
  const inline = session.policy === undefined ? [] : [parsePolicy(session.policy)]
  return [...inline, ...session.policyArns.flatMap((arn) => managed(state, arn))]
}

function globalContext(asked: Authorization, state: AwsState, now: number): Context {
  const { identity, request } = asked
  const agent = request.headers['user-agent']
  return {
    'aws:CurrentTime': isoSeconds(now),
    'aws:EpochTime': String(Math.floor(now / 1000)),
    'aws:SecureTransport': String(request.secure),
    ...originContext(request),
    'aws:PrincipalAccount': identity.account,
    'aws:ResourceAccount': asked.resourceAccount ?? identity.account,
    'aws:userid': identity.userId,
    'aws:RequestedRegion': state.region,
    ...(agent === undefined ? {} : { 'aws:UserAgent': agent }),
    ...(identity.type === 'user' ? userContext(identity, state) : sessionContext(identity)),
  }
}

/** Through a VPC endpoint, a request has its VPC address and no `aws:SourceIp` (IAM User Guide, "aws:SourceIp"). */
function originContext({ endpoint, sourceIp }: SandboxRequest): Context {
  if (endpoint === undefined) return { 'aws:SourceIp': sourceIp }
  return { 'aws:SourceVpce': endpoint.id, 'aws:SourceVpc': endpoint.vpc, 'aws:VpcSourceIp': sourceIp }
}

function userContext(identity: Extract<Identity, { type: 'user' }>, state: AwsState): Context {
  return {
    'aws:PrincipalArn': identity.arn,
    'aws:PrincipalType': 'User',
    'aws:username': identity.userName,
    ...principalTags(state.users.get(identity.userName)?.tags ?? new Map()),
  }
}

/** `aws:PrincipalArn` of a session is the role's ARN with its path, not the ARN of the session. */
function sessionContext({ session }: Extract<Identity, { type: 'session' }>): Context {
  return {
    'aws:PrincipalArn': session.roleArn,
    'aws:PrincipalType': 'AssumedRole',
    'aws:TokenIssueTime': isoSeconds(session.issuedAt),
    ...(session.sourceIdentity === undefined ? {} : { 'aws:SourceIdentity': session.sourceIdentity }),
    ...principalTags(session.tags),
  }
}

function principalTags(tags: ReadonlyMap<string, string>): Context {
  return Object.fromEntries([...tags].map(([key, value]) => [`aws:PrincipalTag/${key}`, value]))
}
