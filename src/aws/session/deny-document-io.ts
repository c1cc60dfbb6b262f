import { PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { isLatchkeyError } from '../../errors.ts'
import type { Urgency } from '../../grants/driver.ts'
import type { SessionPrincipal } from '../../grants/principal.ts'
import { DENY_POLICY, type DenyDocument, denyDocument, parseDenyDocument } from '../../policies/deny-document.ts'
import { type AwsLog, askAws, isAwsCode } from '../aws-error.ts'
import type { AwsClients } from '../clients.ts'
import { readInlinePolicy, roleName } from '../elevation-role.ts'

const NEXT = 'Have the operator see that the role is there and that Latchkey may read and write its inline policies.'

/** Before the first write to a role, and where the role itself is gone. */
const NOT_THERE = 'NoSuchEntityException'

export async function readDeny(
  clients: AwsClients,
  log: AwsLog,
  principal: SessionPrincipal,
): Promise<DenyDocument | undefined> {
  const asking = { doing: `to show the Deny document of ${principal.roleArn}`, next: NEXT, expected: [NOT_THERE] }
  try {
    const read = () => readInlinePolicy(clients.iam(principal.account), roleName(principal.roleArn), DENY_POLICY)
    return parseDenyDocument(await askAws(asking, log, read))
  } catch (error) {
    if (isAwsCode(error, NOT_THERE)) return undefined
    throw error
  }
}

/** What counts is what AWS reads back: a write whose answer was lost may have happened, and another writer may have come after. */
export async function writeDeny(
  clients: AwsClients,
  log: AwsLog,
  principal: SessionPrincipal,
  document: DenyDocument,
  urgency: Urgency,
): Promise<DenyDocument | undefined> {
  const text = denyDocument(document)
  const asking = { doing: `to write the Deny document of ${principal.roleArn}`, next: NEXT }
  const RoleName = roleName(principal.roleArn)
  const command = new PutRolePolicyCommand({ RoleName, PolicyName: DENY_POLICY, PolicyDocument: text })
  try {
    await askAws(asking, log, () => clients.writeIam(principal.account, urgency, (iam) => iam.send(command)))
  } catch (error) {
    if (!isLatchkeyError(error, 'UNAVAILABLE')) throw error
    const held = await readDeny(clients, log, principal)
    if (held && denyDocument(held) === text) return held
    throw error
  }
  return readDeny(clients, log, principal)
}
