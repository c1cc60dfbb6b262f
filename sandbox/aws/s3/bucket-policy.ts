import { AwsError, type Outcome } from '../call.ts'
import { checkPrincipal } from '../iam/documents.ts'
import { type PolicyDocument, PolicyFault, parsePolicy, type Statement } from '../policy.ts'
import type { AwsState, Bucket } from '../state.ts'
import { readPayload } from './body.ts'
import { bucketOf, empty, type Visit } from './visit.ts'

/** "Bucket policies are limited to 20 KB in size." */
const LARGEST_BYTES = 20 * 1024

export function getBucketPolicy(visit: Visit): Outcome {
  const { policy } = ownBucket(visit)
  if (policy === undefined) throw new AwsError('NoSuchBucketPolicy', 404, 'The bucket policy does not exist')
  return { reply: { status: 200, headers: { 'content-type': 'application/json' }, body: policy } }
}

export function putBucketPolicy(visit: Visit): Outcome {
  const bucket = ownBucket(visit)
  const text = readPayload(visit.call.request).body.toString()
  if (Buffer.byteLength(text) > LARGEST_BYTES)
    throw malformedPolicy('Policy exceeds the maximum allowed document size.')
  const document = parse(text)
  for (const statement of document.statements) checkStatement(statement, bucket, visit.core.state)
  if (document.statements.some(isPublic)) refusePublic(visit, bucket)
  bucket.policy = text
  return empty(204)
}

export function deleteBucketPolicy(visit: Visit): Outcome {
  ownBucket(visit).policy = undefined
  return empty(204)
}

/** "If you have the permissions but aren't using an identity that belongs to the bucket owner's account, Amazon S3 returns 405." */
function ownBucket(visit: Visit): Bucket {
  const bucket = bucketOf(visit, visit.address.bucket ?? '')
  if (bucket.account === visit.call.identity.account) return bucket
  throw new AwsError('MethodNotAllowed', 405, 'The specified method is not allowed against this resource.')
}

function parse(text: string): PolicyDocument {
  try {
    return parsePolicy(text)
  } catch (fault) {
    if (fault instanceof PolicyFault) throw malformedPolicy(fault.message)
    throw fault
  }
}

function checkStatement(statement: Statement, { name }: Bucket, state: AwsState): void {
  const { principals, notPrincipals, actions, notActions, resources, notResources } = statement
  const named = principals ?? notPrincipals
  if (named === undefined) throw malformedPolicy('Missing required field Principal')
  for (const one of named.AWS ?? []) checkPrincipal(one, state, () => malformedPolicy('Invalid principal in policy'))
  for (const action of actions ?? notActions ?? []) {
    if (action !== '*' && !/^s3:/i.test(action)) throw malformedPolicy('Policy has invalid action')
  }
  const arn = `arn:aws:s3:::${name}`
  for (const resource of resources ?? notResources ?? ['']) {
    const inside = resource === arn || resource.startsWith(`${arn}/`) || resource === `${arn}*`
    if (!inside) throw malformedPolicy('Policy has invalid resource')
  }
}

/** True for a policy that Block Public Access refuses. Every new bucket has it on, and the sandbox cannot switch it off. */
function isPublic({ effect, principals, conditions }: Statement): boolean {
  return effect === 'Allow' && (principals?.AWS ?? []).includes('*') && conditions.length === 0
}

function refusePublic({ call }: Visit, { name }: Bucket): never {
  const what = `s3:PutBucketPolicy on resource: "arn:aws:s3:::${name}"`
  const why = 'because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.'
  throw new AwsError('AccessDenied', 403, `User: ${call.identity.arn} is not authorized to perform: ${what} ${why}`)
}

function malformedPolicy(message: string): AwsError {
  return new AwsError('MalformedPolicy', 400, message)
}
