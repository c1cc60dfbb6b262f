import { z } from 'zod'
import { authorize, deniedMessage, ownAccount } from '../authorize.ts'
import { AwsError, type Call, type ServiceHandler } from '../call.ts'
import type { SandboxCore } from '../core.ts'
import { entityOf, jsonBody, jsonError, jsonReply, readInput } from '../json-protocol.ts'
import { PolicyFault, parsePolicy } from '../policy.ts'
import { signedRegion } from '../sigv4.ts'
import type { AwsState, KmsKey } from '../state.ts'
import { addKey, defaultKeyPolicy, findKey, keyRefusal } from './keys.ts'

/** KMS's JSON API (`TrentService.*`): keys, their states and their policies. S3 calls the keys directly (s3/object-encryption.ts). */

interface KmsCall {
  readonly core: SandboxCore
  readonly call: Call
  /** The state of the caller's account. */
  readonly own: AwsState
  readonly region: string
}

type KmsAction = (kms: KmsCall) => unknown

const KEY = z.object({ KeyId: z.string().min(1).max(2048) })

function createKey(kms: KmsCall): unknown {
  const { own, region, core } = kms
  const input = z.object({ Description: z.string().max(8192).default(''), Policy: z.string().optional() })
  const { Description, Policy } = readInput(input, jsonBody(kms.call.request))
  mustAllowOnAccount(kms, '*')
  const policy = Policy ?? defaultKeyPolicy(own.account)
  checkKeyPolicy(policy)
  const draft = { region, description: Description, manager: 'CUSTOMER', policy } as const
  return { KeyMetadata: metadata(addKey(own, core.clock.now(), draft)) }
}

function describeKey(kms: KmsCall): unknown {
  return { KeyMetadata: metadata(namedKey(kms)) }
}

function enableKey(kms: KmsCall): unknown {
  changeable(kms, 'PendingDeletion').state = 'Enabled'
  return undefined
}

function disableKey(kms: KmsCall): unknown {
  changeable(kms, 'PendingDeletion').state = 'Disabled'
  return undefined
}

function scheduleKeyDeletion(kms: KmsCall): unknown {
  const input = z.object({ PendingWindowInDays: z.number().int().min(7).max(30).default(30) })
  const { PendingWindowInDays: days } = readInput(input, jsonBody(kms.call.request))
  const key = changeable(kms, 'PendingDeletion')
  key.state = 'PendingDeletion'
  key.deletedAt = kms.core.clock.now() + days * 86_400_000
  return { KeyId: key.arn, DeletionDate: key.deletedAt / 1000, KeyState: key.state, PendingWindowInDays: days }
}

function cancelKeyDeletion(kms: KmsCall): unknown {
  const key = changeable(kms, 'Enabled')
  key.state = 'Disabled'
  key.deletedAt = undefined
  return { KeyId: key.arn }
}

function getKeyPolicy(kms: KmsCall): unknown {
  return { Policy: namedKey(kms).policy, PolicyName: 'default' }
}

function putKeyPolicy(kms: KmsCall): unknown {
  const { Policy } = readInput(z.object({ Policy: z.string() }), jsonBody(kms.call.request))
  const key = changeable(kms, 'PendingDeletion')
  checkKeyPolicy(Policy)
  key.policy = Policy
  return undefined
}

function listKeys(kms: KmsCall): unknown {
  mustAllowOnAccount(kms, '*')
  const keys = [...kms.own.keys.values()].filter(({ region }) => region === kms.region)
  return { Keys: keys.map(({ keyId, arn }) => ({ KeyId: keyId, KeyArn: arn })), Truncated: false }
}

function createAlias(kms: KmsCall): unknown {
  const input = z.object({ AliasName: z.string().regex(/^alias\/(?!aws\/)[\w/-]+$/), TargetKeyId: z.string() })
  const { AliasName, TargetKeyId } = readInput(input, jsonBody(kms.call.request))
  const alias = `arn:aws:kms:${kms.region}:${kms.own.account}:${AliasName}`
  mustAllowOnAccount(kms, alias)
  const key = keyNamed(kms, TargetKeyId)
  if (kms.own.keyAliases.has(alias)) {
    throw new AwsError('AlreadyExistsException', 400, `An alias with the name ${alias} already exists`)
  }
  kms.own.keyAliases.set(alias, key.arn)
  return undefined
}

function namedKey(kms: KmsCall): KmsKey {
  return keyNamed(kms, readInput(KEY, jsonBody(kms.call.request)).KeyId)
}

/** Returns the key, after the caller was authorised for it. */
function keyNamed({ core, call, own, region }: KmsCall, name: string): KmsKey {
  const key = findKey(own, region, name)
  if (key === undefined) throw new AwsError('NotFoundException', 400, `Key '${name}' does not exist`)
  const refused = keyRefusal(core, key, {
    identity: call.identity,
    request: call.request,
    action: `kms:${call.action}`,
  })
  if (refused !== undefined) throw refused
  return key
}

/** Returns a customer managed key that is not in the state `not`. */
function changeable(kms: KmsCall, not: KmsKey['state']): KmsKey {
  const key = namedKey(kms)
  if (key.manager === 'AWS') {
    throw new AwsError('AccessDenied', 400, `You cannot perform ${kms.call.action} on an AWS managed key.`)
  }
  if (key.state === not) {
    const message = `${key.arn} is ${not === 'PendingDeletion' ? 'pending deletion' : 'not pending deletion'}.`
    throw new AwsError('KMSInvalidStateException', 400, message)
  }
  return key
}

function mustAllowOnAccount({ core, call }: KmsCall, resource: string): void {
  const { identity, request } = call
  const action = `kms:${call.action}`
  const verdict = authorize(core, { identity, action, resource, request })
  if (!verdict.allowed) throw new AwsError('AccessDenied', 400, deniedMessage(identity, action, resource, verdict))
}

function checkKeyPolicy(text: string): void {
  try {
    parsePolicy(text)
  } catch (fault) {
    if (fault instanceof PolicyFault) throw new AwsError('MalformedPolicyDocumentException', 400, fault.message)
    throw fault
  }
}

function metadata(key: KmsKey): object {
  return {
    AWSAccountId: key.arn.split(':')[4],
    KeyId: key.keyId,
    Arn: key.arn,
    CreationDate: key.createdAt / 1000,
    Enabled: key.state === 'Enabled',
    Description: key.description,
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeyState: key.state,
    Origin: 'AWS_KMS',
    KeyManager: key.manager,
    KeySpec: 'SYMMETRIC_DEFAULT',
    CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    MultiRegion: false,
    ...(key.deletedAt === undefined ? {} : { DeletionDate: key.deletedAt / 1000 }),
  }
}

const ACTIONS: Readonly<Record<string, KmsAction>> = {
  CreateKey: createKey,
  DescribeKey: describeKey,
  EnableKey: enableKey,
  DisableKey: disableKey,
  ScheduleKeyDeletion: scheduleKeyDeletion,
  CancelKeyDeletion: cancelKeyDeletion,
  GetKeyPolicy: getKeyPolicy,
  PutKeyPolicy: putKeyPolicy,
  ListKeys: listKeys,
  CreateAlias: createAlias,
}

export function kmsService(core: SandboxCore): ServiceHandler {
  return {
    service: 'kms',
    describe(request) {
      const action = entityOf(request)
      if (ACTIONS[action] === undefined) {
        throw new AwsError('UnknownOperationException', 400, `The sandbox's KMS does not know ${action}.`)
      }
      return { service: 'kms', action, parameters: jsonBody(request) }
    },
    handle(call) {
      const region = signedRegion(call.request) ?? core.state.region
      const own = ownAccount(core.state, call.identity)
      return { reply: jsonReply(ACTIONS[call.action]?.({ core, call, own, region })) }
    },
    renderError: jsonError,
  }
}
