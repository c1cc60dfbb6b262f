import { authorize, deniedMessage } from '../authorize.ts'
import { AwsError, type Call } from '../call.ts'
import type { SandboxCore } from '../core.ts'
import type { Context } from '../evaluator.ts'
import { type Constraint, demand, type Form, type Xml } from '../query.ts'
import type { Role, User } from '../state.ts'

/** One IAM call in progress: its parameters and its caller. */
export interface IamCall {
  readonly core: SandboxCore
  readonly call: Call
  readonly form: Form
}

export type IamAction = (iam: IamCall) => Xml

const NAME = /[\w+=,.@-]+/
export const ROLE_NAME: Constraint = { pattern: NAME, longest: 64 }
export const POLICY_NAME: Constraint = { pattern: NAME, longest: 128 }
export const PATH: Constraint = { pattern: /\/|\/[\u0021-\u007E]+\//, longest: 512 }
export const DOCUMENT: Constraint = { pattern: /[\t\n\r\u0020-\u00FF]+/, longest: 131_072 }
export const ARN: Constraint = { shortest: 20, longest: 2048 }

/** Throws AccessDenied in IAM's words when the caller may not do this. `label` is the resource as IAM names it in the sentence. */
export function allow(iam: IamCall, arn: string, label: string, context: Context = {}): void {
  const { core, call } = iam
  const action = `iam:${call.action}`
  const verdict = authorize(core, { identity: call.identity, action, resource: arn, request: call.request, context })
  if (!verdict.allowed) throw new AwsError('AccessDenied', 403, deniedMessage(call.identity, action, label, verdict))
}

/** Returns the role that the call names, after the caller was authorised for it. */
export function namedRole(iam: IamCall, context: Context = {}): Role {
  const { state } = iam.core
  const name = demand(iam.form, 'RoleName', ROLE_NAME)
  const role = state.roles.get(name)
  // IAM authorises the caller first. For a role that does not exist it uses an ARN without a path.
  const arn = role?.arn ?? `arn:aws:iam::${state.account}:role/${name}`
  allow(iam, arn, `role ${name}`, { ...entityContext(iam, role), ...context })
  if (role === undefined) throw noSuchEntity(`The role with name ${name} cannot be found.`)
  return role
}

export function namedUser(iam: IamCall, context: Context = {}): User {
  const { state } = iam.core
  const { identity } = iam.call
  const self = identity.type === 'user' ? identity.userName : undefined
  const name = iam.form.UserName === undefined && self !== undefined ? self : demand(iam.form, 'UserName', ROLE_NAME)
  const user = state.users.get(name)
  allow(iam, user?.arn ?? `arn:aws:iam::${state.account}:user/${name}`, `user ${name}`, {
    ...entityContext(iam, user),
    ...context,
  })
  if (user === undefined) throw noSuchEntity(`The user with name ${name} cannot be found.`)
  return user
}

/** IAM refuses edits of roles that belong to IAM Identity Center or to AWS services. */
export function refuseReserved({ roleName, path }: Role): void {
  if (!roleName.startsWith('AWSReservedSSO_') && !/^\/aws-(service-role|reserved)\//.test(path)) return
  throw new AwsError(
    'UnmodifiableEntity',
    400,
    `Cannot perform the operation on the protected role '${roleName}' - this role is only modifiable by AWS`,
  )
}

/** The calls that have the condition key `iam:PermissionsBoundary`. Others do not have it. */
const BOUNDARY_KNOWN =
  /^(?:(?:Put|Delete|Attach|Detach)(?:Role|User)Policy|(?:Put|Delete)(?:Role|User)PermissionsBoundary|Create(?:Role|User))$/

function entityContext({ call }: IamCall, entity: Role | User | undefined): Context {
  if (entity === undefined) return {}
  const tags = [...entity.tags].flatMap(([key, value]) => [
    [`aws:ResourceTag/${key}`, value] as const,
    [`iam:ResourceTag/${key}`, value] as const,
  ])
  const known = entity.boundaryArn !== undefined && BOUNDARY_KNOWN.test(call.action)
  const boundary = known ? { 'iam:PermissionsBoundary': entity.boundaryArn ?? '' } : {}
  return { ...Object.fromEntries(tags), ...boundary }
}

export function attachedXml({ attached }: Role | User): readonly Xml[] {
  return [...attached].map((arn) => ({ PolicyName: arn.split('/').at(-1) ?? arn, PolicyArn: arn }))
}

export function noSuchEntity(message: string): AwsError {
  return new AwsError('NoSuchEntity', 404, message)
}

/** One page of a list, with IAM's Marker. */
export function page<T>(
  form: Form,
  all: readonly T[],
): { items: readonly T[]; rest: { IsTruncated: boolean; Marker?: string } } {
  const size = Number(form.MaxItems ?? 100)
  if (!Number.isInteger(size) || size < 1 || size > 1000) {
    throw new AwsError('ValidationError', 400, `Value '${form.MaxItems}' at 'maxItems' is not between 1 and 1000`)
  }
  const from = form.Marker === undefined ? 0 : readMarker(form.Marker)
  const next = from + size
  const rest = next < all.length ? { IsTruncated: true, Marker: writeMarker(next) } : { IsTruncated: false }
  return { items: all.slice(from, next), rest }
}

function writeMarker(from: number): string {
  return Buffer.from(`sandbox-${from}`).toString('base64url')
}

function readMarker(marker: string): number {
  const from = /^sandbox-(\d+)$/.exec(Buffer.from(marker, 'base64url').toString())?.[1]
  if (from === undefined) throw new AwsError('ValidationError', 400, `Invalid Marker: ${marker}`)
  return Number(from)
}
