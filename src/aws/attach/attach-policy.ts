import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import type { IamEntity } from '../../grants/driver.ts'
import { type AwsLog, askAws, isAwsCode } from '../aws-error.ts'
import type { AwsClients } from '../clients.ts'
import { deletePolicy, listPolicies, putPolicy, readPolicy } from '../inline-policies.ts'

interface Deps {
  readonly clients: AwsClients
  readonly log: AwsLog
}

/** "IAM and AWS STS quotas": characters of all inline policies of one entity together, without white space. */
const INLINE_CHARACTERS = { role: 10_240, user: 2_048 } as const

/** @throws QUOTA_FULL when the document does not fit beside the entity's other inline policies. */
export async function refuseWithoutRoom(
  { clients, log }: Deps,
  entity: IamEntity,
  policyName: string,
  document: string,
): Promise<void> {
  const iam = clients.iam(entity.account)
  const others = await askAws(callText('to show the inline policies of', entity), log, async () => {
    const names = await listPolicies(iam, entity)
    return await Promise.all(names.filter((name) => name !== policyName).map((name) => readPolicy(iam, entity, name)))
  })
  const taken = others.reduce((sum, text) => sum + charactersOf(text), 0)
  const needed = charactersOf(document)
  const maxCharacters = INLINE_CHARACTERS[entity.kind]
  if (taken + needed <= maxCharacters) return
  throw new LatchkeyError('QUOTA_FULL', {
    quota: `What AWS keeps inline for ${entity.kind} ${entity.name} (${maxCharacters} characters; ${taken} are taken, and this needs ${needed})`,
    next: 'Wait until another grant there is over, ask for fewer scopes at once, or have the owner clear inline policies from it.',
  })
}

function charactersOf(document: string): number {
  return document.replace(/\s/g, '').length
}

interface PolicyWrite {
  readonly policyName: string
  readonly document: string
  /** Called right before the write. If it throws, nothing is written. */
  readonly refuseIfMoved?: (() => Promise<void>) | undefined
}

/**
 * Writes the policy and reads it back: a write whose answer was lost may have happened, and another writer may have
 * followed.
 * @throws AWS_REFUSED when AWS shows another document than the written one
 */
export async function attach(deps: Deps, entity: IamEntity, write: PolicyWrite): Promise<void> {
  const { policyName, document } = write
  try {
    await put(deps, entity, write)
  } catch (error) {
    // Throws the refusal with the numbers of characters, unless room has been freed since. Then the next line throws.
    if (isLatchkeyError(error, 'QUOTA_FULL')) await refuseWithoutRoom(deps, entity, policyName, document)
    if (!isLatchkeyError(error, 'UNAVAILABLE')) throw error
    if ((await readBack(deps, entity, policyName)) === document) return
    throw error
  }
  if ((await readBack(deps, entity, policyName)) !== document) throw readBackError(`to keep ${policyName} on`, entity)
}

async function put({ clients, log }: Deps, entity: IamEntity, write: PolicyWrite): Promise<void> {
  const { policyName, document, refuseIfMoved } = write
  await askAws(callText(`to write ${policyName} to`, entity), log, () =>
    clients.writeIam(entity.account, 'activation', async (iam) => {
      await refuseIfMoved?.()
      await putPolicy(iam, entity, policyName, document)
    }),
  )
}

/**
 * Deletes the policy; a missing policy or entity counts as success.
 * @throws AWS_REFUSED when AWS still shows it after the deletion: another writer puts it there
 */
export async function detach(
  deps: Deps,
  entity: IamEntity,
  policyName: string,
  urgency: 'early-revoke' | 'tidying',
): Promise<void> {
  const { clients, log } = deps
  const doing = `to take ${policyName} from`
  try {
    await askAws(callText(doing, entity), log, () =>
      clients.writeIam(entity.account, urgency, (iam) => deletePolicy(iam, entity, policyName)),
    )
  } catch (error) {
    // The answer may be lost. And where the entity is gone IAM may answer AccessDenied, because Latchkey's rights
    // depend on the entity's boundary.
    const isGone = error instanceof LatchkeyError && (await readBack(deps, entity, policyName)) === undefined
    if (isGone) return
    throw error
  }
  if ((await readBack(deps, entity, policyName)) !== undefined) throw readBackError(doing, entity)
}

/** Undefined: AWS has no policy of that name, or no such entity. */
async function readBack({ clients, log }: Deps, entity: IamEntity, policyName: string): Promise<string | undefined> {
  try {
    return await askAws(callText(`to show ${policyName} of`, entity), log, () =>
      readPolicy(clients.iam(entity.account), entity, policyName),
    )
  } catch (error) {
    if (isAwsCode(error, 'NoSuchEntityException')) return undefined
    throw error
  }
}

function callText(doing: string, { kind, name, account }: IamEntity) {
  return {
    doing: `${doing} the ${kind} ${name} of account ${account}`,
    next: 'Have the operator see that it is there and that Latchkey may read and write its inline policies.',
  }
}

function readBackError(doing: string, { kind, name }: IamEntity): LatchkeyError {
  return new LatchkeyError('AWS_REFUSED', {
    doing: `${doing} the ${kind} ${name}`,
    awsCode: 'ReadBackDiffers',
    next: 'Somebody else may be writing it; Latchkey tries again.',
  })
}
