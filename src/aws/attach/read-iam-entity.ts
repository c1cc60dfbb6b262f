import { performance } from 'node:perf_hooks'
import { GetRoleCommand, GetUserCommand, type IAMClient } from '@aws-sdk/client-iam'
import { LatchkeyError } from '../../errors.ts'
import type { IamEntity } from '../../grants/driver.ts'
import { AT_THE_WIRE, type AwsDate, watchDate } from '../clock-skew.ts'
import { readManagedPolicy } from '../elevation-role.ts'
import { attachBoundaryFaults, attachTrustFaults } from '../inspect/attach-entity-policies.ts'

/** What AWS says about a person's role or user. */
export interface IamEntityDetails {
  readonly arn: string
  /** `AROA…` or `AIDA…` */
  readonly uniqueId: string
  /** The trust policy of a role, as JSON; undefined for a user. */
  readonly trust: string | undefined
  readonly boundaryArn: string | undefined
  /** The time in AWS's answer. */
  readonly date: AwsDate
  /** Milliseconds between the call to AWS and its answer. */
  readonly tookMs: number
}

/** Name patterns of roles that only AWS may write, each with the reason. */
const WRITTEN_BY_AWS: readonly (readonly [RegExp, string])[] = [
  [/^AWSReservedSSO_/, 'belongs to IAM Identity Center, which alone may write it'],
  [/^AWSServiceRoleFor/, 'belongs to an AWS service, which alone may write it'],
]

/** @throws NOT_ELIGIBLE for a role that only AWS may write. It asks AWS nothing. */
export function refuseUnwritable(entity: IamEntity): void {
  const reason = unwritableReason(entity)
  if (reason !== undefined) throw new LatchkeyError('NOT_ELIGIBLE', { reason, mayAsk: [] })
}

/** Why Latchkey can never write a policy to this role, as a sentence. Undefined: it can. */
export function unwritableReason({ kind, name }: IamEntity): string | undefined {
  const [, why] = WRITTEN_BY_AWS.find(([pattern]) => kind === 'role' && pattern.test(name)) ?? []
  return why && `The role ${name} ${why}; the owner of the rules can offer this with the driver session.`
}

/** Throws the SDK's errors. */
export async function readIamEntity(iam: IAMClient, { kind, name }: IamEntity): Promise<IamEntityDetails> {
  const startedAt = performance.now()
  const date = { ms: Number.NaN }
  const facts = kind === 'role' ? await readRole(iam, name, date) : await readUser(iam, name, date)
  return { ...facts, date, tookMs: performance.now() - startedAt }
}

async function readRole(iam: IAMClient, RoleName: string, date: AwsDate) {
  const command = new GetRoleCommand({ RoleName })
  command.middlewareStack.add(watchDate(date), AT_THE_WIRE)
  const { Role } = await iam.send(command)
  return {
    arn: Role?.Arn ?? '',
    uniqueId: Role?.RoleId ?? '',
    trust: decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ''),
    boundaryArn: Role?.PermissionsBoundary?.PermissionsBoundaryArn,
  }
}

async function readUser(iam: IAMClient, UserName: string, date: AwsDate) {
  const command = new GetUserCommand({ UserName })
  command.middlewareStack.add(watchDate(date), AT_THE_WIRE)
  const { User } = await iam.send(command)
  return {
    arn: User?.Arn ?? '',
    uniqueId: User?.UserId ?? '',
    trust: undefined,
    boundaryArn: User?.PermissionsBoundary?.PermissionsBoundaryArn,
  }
}

/** Why no grant may be attached to the entity, as sentences; empty: it may. Throws the SDK's errors. */
export async function findEntityFaults(
  iam: IAMClient,
  entity: IamEntity,
  details: IamEntityDetails,
): Promise<readonly string[]> {
  const [, account, resource = ''] = /^arn:aws[a-z-]*:iam::(\d{12}):(.+)$/.exec(details.arn) ?? []
  if (account !== entity.account) return [`The ${entity.kind} ${entity.name} is of another account.`]
  if (/^role\/(?:latchkey|aws-service-role)\//.test(resource)) return [`The ${resource} is no role of a person.`]
  const trust = details.trust === undefined ? [] : attachTrustFaults(details.trust)
  return [...trust, ...(await boundaryFaults(iam, entity, details))]
}

/** Only the boundary limits what an inline policy can allow: IAM does not restrict the content of one. */
async function boundaryFaults(iam: IAMClient, { kind, name }: IamEntity, { boundaryArn }: IamEntityDetails) {
  if (boundaryArn === undefined) return [`The ${kind} ${name} has no permissions boundary.`]
  return attachBoundaryFaults(await readManagedPolicy(iam, boundaryArn))
}
