import { z } from 'zod'

/** Sessions of an elevation role, or of a numbered copy of it. `roleId` is AWS's unique id (`AROA…`): a role made again under the same name is another one. */
export interface SessionPrincipal {
  readonly driver: 'session'
  /** Twelve digits. */
  readonly account: string
  readonly roleArn: string
  readonly roleId: string
}

/** The person's own role or user. */
export interface AttachPrincipal {
  readonly driver: 'attach'
  /** Twelve digits. */
  readonly account: string
  readonly arn: string
  /** What `aws:userid` is in every request of theirs: `AROA…:<session name>` of a role, `AIDA…` of a user. */
  readonly userid: string
  /** The account's elevation role: its Deny document is where AWS remembers that a grant was ended early. */
  readonly deniedOn: Pick<SessionPrincipal, 'roleArn' | 'roleId'>
}

/** The AWS identity that holds access, by its unique id. */
export type Principal = SessionPrincipal | AttachPrincipal

const account = z.string().regex(/^\d{12}$/)

const elevation = z.strictObject({ roleArn: z.string(), roleId: z.string() })

/** As it lies in the record. */
export const principalSchema = z.discriminatedUnion('driver', [
  z.strictObject({ driver: z.literal('session'), account, roleArn: z.string(), roleId: z.string() }),
  z.strictObject({ driver: z.literal('attach'), account, arn: z.string(), userid: z.string(), deniedOn: elevation }),
])

/** @example denyId({ account: '111122223333', roleArn: 'arn:aws:iam::111122223333:role/latchkey/prod', … }) // "111122223333.prod" */
export function denyId(principal: SessionPrincipal): string {
  return `${principal.account}.${principal.roleArn.split('/').at(-1)}`
}

/** Whose Deny document holds that a grant on this principal was ended early. */
export function denyRoleOf(principal: Principal): SessionPrincipal {
  if (principal.driver === 'session') return principal
  return { driver: 'session', account: principal.account, ...principal.deniedOn }
}

/** The value that `aws:userid` has in a session of this grant: nobody else has it. Of a grant of the driver `attach` it only marks the end. */
export function sessionUserId(principal: SessionPrincipal, grantId: string): string {
  return `${principal.roleId}:${grantId}`
}
