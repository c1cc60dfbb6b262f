import { randomUUID } from 'node:crypto'
import { authorize, deniedMessage } from '../authorize.ts'
import { AwsError, type Identity, type SandboxRequest } from '../call.ts'
import type { SandboxCore } from '../core.ts'
import type { Context } from '../evaluator.ts'
import { type AwsState, accountOf, type KmsKey } from '../state.ts'

/** KMS keys and the rights to use them (KMS Developer Guide, "Key policies", "AWS managed keys"). */

export interface KeyDraft {
  readonly region: string
  readonly description: string
  readonly manager: KmsKey['manager']
  readonly policy: string
}

export function addKey(state: AwsState, now: number, draft: KeyDraft): KmsKey {
  const keyId = randomUUID()
  const arn = `arn:aws:kms:${draft.region}:${state.account}:key/${keyId}`
  const key: KmsKey = { ...draft, keyId, arn, createdAt: now, state: 'Enabled', deletedAt: undefined }
  state.keys.set(arn, key)
  return key
}

/** "The default key policy": it allows the account, so that the account's IAM policies decide. */
export function defaultKeyPolicy(account: string): string {
  const root = { AWS: `arn:aws:iam::${account}:root` }
  const Statement = [
    { Sid: 'Enable IAM User Permissions', Effect: 'Allow', Principal: root, Action: 'kms:*', Resource: '*' },
  ]
  return JSON.stringify({ Version: '2012-10-17', Id: 'key-default-1', Statement })
}

/** The policy of `aws/s3`: everyone in the account may use the key, but only through S3. */
function managedKeyPolicy(account: string, region: string): string {
  const through = { 'kms:CallerAccount': account, 'kms:ViaService': `s3.${region}.amazonaws.com` }
  const uses = ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey']
  const reads = ['kms:Describe*', 'kms:Get*', 'kms:List*']
  const root = { AWS: `arn:aws:iam::${account}:root` }
  return JSON.stringify({
    Version: '2012-10-17',
    Id: 'auto-s3-2',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: uses,
        Resource: '*',
        Condition: { StringEquals: through },
      },
      { Effect: 'Allow', Principal: root, Action: reads, Resource: '*' },
    ],
  })
}

/** The AWS managed key for S3; made at its first use. */
export function managedKey(state: AwsState, region: string, now: number): KmsKey {
  const alias = `arn:aws:kms:${region}:${state.account}:alias/aws/s3`
  const held = state.keys.get(state.keyAliases.get(alias) ?? '')
  if (held !== undefined) return held
  const policy = managedKeyPolicy(state.account, region)
  const description = 'Default key that protects my S3 objects when no other key is defined'
  const key = addKey(state, now, { region, description, manager: 'AWS', policy })
  state.keyAliases.set(alias, key.arn)
  return key
}

/** Finds a key. An id or alias names a key of this account and Region; an ARN may name a key of another account. */
export function findKey(state: AwsState, region: string, name: string): KmsKey | undefined {
  const start = `arn:aws:kms:${region}:${state.account}:`
  const arn = name.startsWith('arn:') ? name : start + (name.startsWith('alias/') ? name : `key/${name}`)
  const owner = accountOf(state, arn)
  const key = owner?.keys.get(owner.keyAliases.get(arn) ?? arn)
  return key?.region === region ? key : undefined
}

export interface KeyUse {
  readonly identity: Identity
  readonly request: SandboxRequest
  /** A KMS action such as `kms:Decrypt`. */
  readonly action: string
  readonly context?: Context
}

/** Returns why the key may not be used. The key policy must name the caller or delegate to the account's IAM policies. */
export function keyRefusal(core: SandboxCore, key: KmsKey, use: KeyUse): AwsError | undefined {
  const { identity, request, action, context = {} } = use
  const verdict = authorize(core, {
    identity,
    request,
    action,
    resource: key.arn,
    context: { 'kms:CallerAccount': identity.account, ...context },
    resourcePolicy: key.policy,
    resourcePolicyRequired: true,
    resourceAccount: key.arn.split(':')[4] ?? '',
  })
  if (verdict.allowed) return undefined
  return new AwsError('AccessDenied', 403, deniedMessage(identity, action, key.arn, verdict))
}
