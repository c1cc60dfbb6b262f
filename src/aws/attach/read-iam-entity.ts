import { performance } from 'node:perf_hooks'
import { GetRoleCommand, GetUserCommand, type IAMClient } from '@aws-sdk/client-iam'
import { LatchkeyError } from '../../errors.ts'
import type { IamEntity } from '../../grants/driver.ts'
import { AT_THE_WIRE, type AwsDate, watchDate } from '../clock-skew.ts'
import { readManagedPolicy } from '../elevation-role.ts'
import { attachBoundaryFaults, attachTrustFaults } from '../inspect/attach-entity-policies.ts'

/** The role or user of a person as AWS knows it today. */
export interface IamEntityDetails {
  readonly arn: string
  /** `AROA…` or `AIDA…` */
  readonly uniqueId: string
  /** Of a role: who may enter it. */
  readonly trust: string | undefined
  readonly boundaryArn: string | undefined
  /** AWS's clock in this answer, and how long after the question it came. */
  readonly date: AwsDate
  readonly tookMs: number
}

/** Roles that only AWS may write. */
const NOT_OURS: readonly (readonly [RegExp, string])[] = [
  [/^AWSReservedSSO_/, 'belongs to IAM Identity Center, which alone may write it'],
  [/^AWSServiceRoleFor/, 'belongs to an AWS service, which alone may write it'],
]

/** @throws NOT_ELIGIBLE before anything is asked of AWS: nothing of ours could ever lie there. */
export function refuseUnwritable(target: IamEntity): void {
  const reason = unwritable(target)
  if (reason !== undefined) throw new LatchkeyError('NOT_ELIGIBLE', { reason, mayAsk: [] })
}

/** Why nothing of ours could ever lie there; undefined: it could. */
export function unwritable({ kind, name }: IamEntity): string | undefined {
  const [, why] = NOT_OURS.find(([pattern]) => kind === 'role' && pattern.test(name)) ?? []
  return why && `The role ${name} ${why}; the owner of the rules can offer this with the driver session.`
}

/** Throws as the SDK does. */
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

/** Why no grant may lie there. Throws as the SDK does. */
export async function findEntityFaults(
  iam: IAMClient,
  target: IamEntity,
  holder: IamEntityDetails,
): Promise<readonly string[]> {
  const [, account, resource = ''] = /^arn:aws[a-z-]*:iam::(\d{12}):(.+)$/.exec(holder.arn) ?? []
  if (account !== target.account) return [`The ${target.kind} ${target.name} is of another account.`]
  if (/^role\/(?:latchkey|aws-service-role)\//.test(resource)) return [`The ${resource} is no role of a person.`]
  const trust = holder.trust === undefined ? [] : attachTrustFaults(holder.trust)
  return [...trust, ...(await boundaryFaults(iam, target, holder))]
}

/** Without it, whoever may write inline policies there could write anything. */
async function boundaryFaults(iam: IAMClient, { kind, name }: IamEntity, { boundaryArn }: IamEntityDetails) {
  if (boundaryArn === undefined) return [`The ${kind} ${name} has no permissions boundary.`]
  return attachBoundaryFaults(await readManagedPolicy(iam, boundaryArn))
}
