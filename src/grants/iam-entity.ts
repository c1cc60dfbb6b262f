import { RECORD_ID } from '../store/ids.ts'
import type { IamEntity } from './driver.ts'
import type { AttachPrincipal } from './principal.ts'

/** Every inline policy of ours that is one grant is called so, and no other policy is. */
const PREFIX = 'latchkey.'

export function policyNameOf(grantId: string): string {
  return `${PREFIX}${grantId}`
}

/** Undefined: no id of a grant stands in the name. */
export function grantIdOf(policyName: string): string | undefined {
  const id = policyName.slice(PREFIX.length)
  return policyName.startsWith(PREFIX) && RECORD_ID.test(id) ? id : undefined
}

/** The Deny document of an elevation role begins alike; it is no grant. */
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

/** Undefined: no id of ours. */
export function parseEntityId(id: string): IamEntity | undefined {
  const [, account = '', kind, name = ''] = /^(\d{12})\.(role|user)\.([\w+=,.@-]{1,64})$/.exec(id) ?? []
  return kind === undefined ? undefined : { account, kind: kind === 'user' ? 'user' : 'role', name }
}
