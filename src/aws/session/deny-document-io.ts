import { PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { isLatchkeyError } from '../../errors.ts'
import type { Urgency } from '../../grants/driver.ts'
import type { SessionPrincipal } from '../../grants/principal.ts'
import { DENY_POLICY, type DenyDocument, denyDocument, parseDenyDocument } from '../../policies/deny-document.ts'
import { type AwsLog, askAws, isAwsCode } from '../aws-error.ts'
import type { AwsClients } from '../clients.ts'
import { readInlinePolicy, roleName } from '../elevation-role.ts'

const NEXT = 'Have the operator see that the role is there and that Latchkey may read and write its inline policies.'

/** AWS's answer when the role has no Deny document yet, or does not exist. */
const NO_SUCH_ENTITY = 'NoSuchEntityException'

/** @returns undefined when the role has no Deny document, or does not exist */
export async function readDeny(
  clients: AwsClients,
  log: AwsLog,
  principal: SessionPrincipal,
): Promise<DenyDocument | undefined> {
  const callText = {
    doing: `to show the Deny document of ${principal.roleArn}`,
    next: NEXT,
    expected: [NO_SUCH_ENTITY],
  }
  try {
    const read = () => readInlinePolicy(clients.iam(principal.account), roleName(principal.roleArn), DENY_POLICY)
    return parseDenyDocument(await askAws(callText, log, read))
  } catch (error) {
    if (isAwsCode(error, NO_SUCH_ENTITY)) return undefined
    throw error
  }
}

/**
 * Writes the Deny document and reads it back: a write whose answer was lost may have happened, and another writer may
 * have followed.
 * @returns what AWS then holds, which may differ from `document`; undefined: no Deny document
 */
export async function writeDeny(
  clients: AwsClients,
  log: AwsLog,
  principal: SessionPrincipal,
  document: DenyDocument,
  urgency: Urgency,
): Promise<DenyDocument | undefined> {
  const text = denyDocument(document)
  const callText = { doing: `to write the Deny document of ${principal.roleArn}`, next: NEXT }
  const RoleName = roleName(principal.roleArn)
  const command = new PutRolePolicyCommand({ RoleName, PolicyName: DENY_POLICY, PolicyDocument: text })
  try {
    await askAws(callText, log, () => clients.writeIam(principal.account, urgency, (iam) => iam.send(command)))
  } catch (error) {
    if (!isLatchkeyError(error, 'UNAVAILABLE')) throw error
    const held = await readDeny(clients, log, principal)
    if (held && denyDocument(held) === text) return held
    throw error
  }
  return readDeny(clients, log, principal)
}
