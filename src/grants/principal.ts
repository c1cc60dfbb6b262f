import { z } from 'zod'

/** Sessions of an elevation role or of one of its replicas. */
export interface SessionPrincipal {
  readonly driver: 'session'
  /** Twelve digits. */
  readonly account: string
  readonly roleArn: string
  /** AWS's unique id (`AROA…`). A role that was deleted and created again under the same name has another id. */
  readonly roleId: string
}

/** The person's own role or user. */
export interface AttachPrincipal {
  readonly driver: 'attach'
  /** Twelve digits. */
  readonly account: string
  readonly arn: string
  /** `aws:userid` in the person's AWS requests: `AROA…:<session name>` of a role, `AIDA…` of a user. */
  readonly userid: string
  /** The account's elevation role. Its Deny document keeps in AWS that the grant was ended early. */
  readonly deniedOn: Pick<SessionPrincipal, 'roleArn' | 'roleId'>
}

/** The AWS identity that holds access, by its unique id. */
export type Principal = SessionPrincipal | AttachPrincipal

const account = z.string().regex(/^\d{12}$/)

const elevation = z.strictObject({ roleArn: z.string(), roleId: z.string() })

/** A principal as it is stored in the record. */
export const principalSchema = z.discriminatedUnion('driver', [
  z.strictObject({ driver: z.literal('session'), account, roleArn: z.string(), roleId: z.string() }),
  z.strictObject({ driver: z.literal('attach'), account, arn: z.string(), userid: z.string(), deniedOn: elevation }),
])

/**
 * The id of a role's deny list.
 * @example denyId({ account: '111122223333', roleArn: 'arn:aws:iam::111122223333:role/latchkey/prod', … })
 * // "111122223333.prod"
 */
export function denyId(principal: SessionPrincipal): string {
  return `${principal.account}.${principal.roleArn.split('/').at(-1)}`
}

/** The elevation role whose Deny document holds that a grant of this principal was ended early. */
export function denyRoleOf(principal: Principal): SessionPrincipal {
  if (principal.driver === 'session') return principal
  return { driver: 'session', account: principal.account, ...principal.deniedOn }
}

/**
 * The value of `aws:userid` in the sessions of this grant; no other session has it. With the driver `attach` there is
 * no such session, and the id only records the early end in the Deny document.
 */
export function sessionUserId(principal: SessionPrincipal, grantId: string): string {
  return `${principal.roleId}:${grantId}`
}
