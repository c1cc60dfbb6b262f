import { RECORD_ID } from '../store/ids.ts'
import type { IamEntity } from './driver.ts'
import type { AttachPrincipal } from './principal.ts'

/** The prefix of the inline policies that the driver `attach` writes: one policy for one grant. */
const PREFIX = 'latchkey.'

export function policyNameOf(grantId: string): string {
  return `${PREFIX}${grantId}`
}

/** Undefined: the name contains no grant id. */
export function grantIdOf(policyName: string): string | undefined {
  const id = policyName.slice(PREFIX.length)
  return policyName.startsWith(PREFIX) && RECORD_ID.test(id) ? id : undefined
}

/** The Deny document `latchkey.deny` of an elevation role has the same prefix, but is no grant's policy. */
export function isGrantPolicy(policyName: string): boolean {
  return policyName.startsWith(PREFIX) && policyName !== 'latchkey.deny'
}

export function entityOf({ account, arn }: AttachPrincipal): IamEntity {
  const [kind = '', ...path] = arn.slice(arn.lastIndexOf(':') + 1).split('/')
  return { account, kind: kind === 'user' ? 'user' : 'role', name: path.at(-1) ?? '' }
}

/** @example entityId({ account: '111122223333', kind: 'user', name: 'alice' }) // "111122223333.user.alice" */
export function entityId({ account, kind, name }: IamEntity): string {
  return `${account}.${kind}.${name}`
}

/** The inverse of `entityId`. Undefined: the id has another form. */
export function parseEntityId(id: string): IamEntity | undefined {
  const [, account = '', kind, name = ''] = /^(\d{12})\.(role|user)\.([\w+=,.@-]{1,64})$/.exec(id) ?? []
  return kind === undefined ? undefined : { account, kind: kind === 'user' ? 'user' : 'role', name }
}
