import { isLatchkeyError, LatchkeyError } from '../../errors.ts'
import type { IamEntity } from '../../grants/driver.ts'
import { type AwsLog, askAws, isAwsCode } from '../aws-error.ts'
import type { AwsClients } from '../clients.ts'
import { deletePolicy, listPolicies, putPolicy, readPolicy } from '../inline-policies.ts'

interface Deps {
  readonly clients: AwsClients
  readonly log: AwsLog
}

/** IAM quotas: characters of all inline policies together, white space not counted. */
const INLINE_CHARACTERS = { role: 10_240, user: 2_048 } as const

/** @throws QUOTA_FULL when the document has no room beside what lies there. */
export async function refuseWithoutRoom(
  { clients, log }: Deps,
  target: IamEntity,
  policyName: string,
  document: string,
): Promise<void> {
  const iam = clients.iam(target.account)
  const others = await askAws(asking('to show the inline policies of', target), log, async () => {
    const names = await listPolicies(iam, target)
    return await Promise.all(names.filter((name) => name !== policyName).map((name) => readPolicy(iam, target, name)))
  })
  const taken = others.reduce((sum, text) => sum + counted(text), 0)
  const needed = counted(document)
  const most = INLINE_CHARACTERS[target.kind]
  if (taken + needed <= most) return
  throw new LatchkeyError('QUOTA_FULL', {
    quota: `What AWS keeps inline for ${target.kind} ${target.name} (${most} characters; ${taken} are taken, and this needs ${needed})`,
    next: 'Wait until another grant there is over, ask for fewer scopes at once, or have the owner clear inline policies from it.',
  })
}

function counted(document: string): number {
  return document.replace(/\s/g, '').length
}

interface Writing {
  readonly policyName: string
  readonly document: string
  /** What it throws once the turn of the write has come stops the write. */
  readonly refuseIfMoved?: (() => Promise<void>) | undefined
}

/** What counts is what AWS reads back: a put whose answer was lost may have happened, and somebody else may have come after. */
export async function attach(deps: Deps, target: IamEntity, writing: Writing): Promise<void> {
  const { policyName, document } = writing
  try {
    await put(deps, target, writing)
  } catch (error) {
    // With the numbers. Who freed the room meanwhile may ask again.
    if (isLatchkeyError(error, 'QUOTA_FULL')) await refuseWithoutRoom(deps, target, policyName, document)
    if (!isLatchkeyError(error, 'UNAVAILABLE')) throw error
    if ((await readBack(deps, target, policyName)) === document) return
    throw error
  }
  if ((await readBack(deps, target, policyName)) !== document) throw differs(`to keep ${policyName} on`, target)
}

async function put({ clients, log }: Deps, target: IamEntity, writing: Writing): Promise<void> {
  const { policyName, document, refuseIfMoved } = writing
  await askAws(asking(`to write ${policyName} to`, target), log, () =>
    clients.writeIam(target.account, 'activation', async (iam) => {
      await refuseIfMoved?.()
      await putPolicy(iam, target, policyName, document)
    }),
  )
}

/** Gone already is done. Not gone after it was taken away: somebody else puts it there. */
export async function detach(
  deps: Deps,
  target: IamEntity,
  policyName: string,
  urgency: 'early-revoke' | 'tidying',
): Promise<void> {
  const { clients, log } = deps
  const doing = `to take ${policyName} from`
  try {
    await askAws(asking(doing, target), log, () =>
      clients.writeIam(target.account, urgency, (iam) => deletePolicy(iam, target, policyName)),
    )
  } catch (error) {
    // Its answer may be lost; and on a holder that is gone IAM judges the caller first, by a boundary that is not there.
    const isGone = error instanceof LatchkeyError && (await readBack(deps, target, policyName)) === undefined
    if (isGone) return
    throw error
  }
  if ((await readBack(deps, target, policyName)) !== undefined) throw differs(doing, target)
}

/** Undefined: AWS holds none of that name. */
async function readBack({ clients, log }: Deps, target: IamEntity, policyName: string): Promise<string | undefined> {
  try {
    return await askAws(asking(`to show ${policyName} of`, target), log, () =>
      readPolicy(clients.iam(target.account), target, policyName),
    )
  } catch (error) {
    if (isAwsCode(error, 'NoSuchEntityException')) return undefined
    throw error
  }
}

function asking(doing: string, { kind, name, account }: IamEntity) {
  return {
    doing: `${doing} the ${kind} ${name} of account ${account}`,
    next: 'Have the operator see that it is there and that Latchkey may read and write its inline policies.',
  }
}

function differs(doing: string, { kind, name }: IamEntity): LatchkeyError {
  return new LatchkeyError('AWS_REFUSED', {
    doing: `${doing} the ${kind} ${name}`,
    awsCode: 'ReadBackDiffers',
    next: 'Somebody else may be writing it; Latchkey tries again.',
  })
}
