import { setTimeout as wait } from 'node:timers/promises'
import { type IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { isLatchkeyError } from '../errors.ts'
import { DENY_POLICY, denyDocument, parseDenyDocument } from '../grants/deny-document.ts'
import type { DenyDocument, SessionPrincipal } from '../grants/driver.ts'
import { type AwsLog, askAws, isAwsCode } from './aws-error.ts'
import { readInlinePolicy, roleName } from './elevation-role.ts'

const ATTEMPTS = 3
const NEXT = 'Have the operator see that the role is there and that Latchkey may read and write its inline policies.'

export async function readDeny(
  iam: IAMClient,
  log: AwsLog,
  principal: SessionPrincipal,
): Promise<DenyDocument | undefined> {
  const asking = { doing: `to show the Deny document of ${principal.roleArn}`, next: NEXT }
  try {
    const read = () => readInlinePolicy(iam, roleName(principal.roleArn), DENY_POLICY)
    return parseDenyDocument(await askAws(asking, log, read))
  } catch (error) {
    if (isAwsCode(error, 'NoSuchEntityException')) return undefined
    throw error
  }
}

/** What counts is what AWS reads back: a write whose answer was lost may have happened, and another writer may have come after. */
export async function writeDeny(
  iam: IAMClient,
  log: AwsLog,
  principal: SessionPrincipal,
  document: DenyDocument,
): Promise<DenyDocument | undefined> {
  const text = denyDocument(document)
  try {
    await put(iam, log, principal, text)
  } catch (error) {
    if (!isLatchkeyError(error, 'UNAVAILABLE')) throw error
    const held = await readDeny(iam, log, principal)
    if (held && denyDocument(held) === text) return held
    throw error
  }
  return readDeny(iam, log, principal)
}

/** Putting the same document twice is harmless. The SDK does not repeat ConcurrentModification; IAM asks for just that. */
async function put(iam: IAMClient, log: AwsLog, principal: SessionPrincipal, text: string, attempt = 1): Promise<void> {
  const asking = { doing: `to write the Deny document of ${principal.roleArn}`, next: NEXT }
  const RoleName = roleName(principal.roleArn)
  const command = new PutRolePolicyCommand({ RoleName, PolicyName: DENY_POLICY, PolicyDocument: text })
  try {
    await askAws(asking, log, () => iam.send(command))
  } catch (error) {
    const raced = isAwsCode(error, 'ConcurrentModificationException', 'ConcurrentModification')
    if (!raced || attempt >= ATTEMPTS) throw error
    await wait(100 * attempt)
    await put(iam, log, principal, text, attempt + 1)
  }
}
