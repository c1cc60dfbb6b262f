import { AwsError } from '../call.ts'
import { isoSeconds } from '../clock.ts'
import { demand, encodeDocument, optional, type Xml } from '../query.ts'
import { type ManagedPolicy, uniqueId } from '../state.ts'
import { ARN, allow, DOCUMENT, type IamAction, type IamCall, noSuchEntity, PATH, POLICY_NAME, page } from './context.ts'
import { checkIdentityPolicy, policySize } from './documents.ts'
import { conflict, exists } from './roles.ts'

const SIZE_QUOTA = 6144
const MOST_VERSIONS = 5
const VERSION_ID = { pattern: /v[1-9][0-9]*(\.[A-Za-z0-9-]*)?/ }

function createPolicy(iam: IamCall): Xml {
  const { core, form } = iam
  const policyName = demand(form, 'PolicyName', POLICY_NAME)
  const document = demand(form, 'PolicyDocument', DOCUMENT)
  const path = optional(form, 'Path', PATH) ?? '/'
  const arn = `arn:aws:iam::${core.state.account}:policy${path}${policyName}`
  allow(iam, arn, `policy ${policyName}`)
  checkDocument(document)
  if (core.state.policies.has(arn))
    throw exists(`A policy called ${policyName} already exists. Duplicate names are not allowed.`)
  const createdAt = core.clock.now()
  const policy: ManagedPolicy = {
    arn,
    policyId: uniqueId('ANPA'),
    policyName,
    path,
    description: form.Description ?? '',
    createdAt,
    versions: new Map([['v1', { document, createdAt }]]),
    defaultVersionId: 'v1',
  }
  core.state.policies.set(arn, policy)
  return { Policy: policyXml(iam, policy) }
}

function getPolicy(iam: IamCall): Xml {
  return { Policy: policyXml(iam, namedPolicy(iam)) }
}

function getPolicyVersion(iam: IamCall): Xml {
  const policy = namedPolicy(iam)
  const versionId = demand(iam.form, 'VersionId', VERSION_ID)
  const version = policy.versions.get(versionId)
  if (version === undefined) {
    throw noSuchEntity(`Policy ${policy.arn} version ${versionId} does not exist or is not attachable.`)
  }
  return { PolicyVersion: { Document: encodeDocument(version.document), ...versionXml(policy, versionId, version) } }
}

function createPolicyVersion(iam: IamCall): Xml {
  const document = demand(iam.form, 'PolicyDocument', DOCUMENT)
  const policy = namedPolicy(iam)
  checkDocument(document)
  if (policy.versions.size >= MOST_VERSIONS) {
    throw new AwsError(
      'LimitExceeded',
      409,
      'A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.',
    )
  }
  const numbers = [...policy.versions.keys()].map((one) => Number(one.slice(1)))
  const versionId = `v${Math.max(...numbers) + 1}`
  const version = { document, createdAt: iam.core.clock.now() }
  policy.versions.set(versionId, version)
  if (iam.form.SetAsDefault === 'true') policy.defaultVersionId = versionId
  return { PolicyVersion: versionXml(policy, versionId, version) }
}

function setDefaultPolicyVersion(iam: IamCall): Xml {
  const policy = namedPolicy(iam)
  policy.defaultVersionId = namedVersion(iam, policy)
  return undefined
}

function deletePolicyVersion(iam: IamCall): Xml {
  const policy = namedPolicy(iam)
  const versionId = namedVersion(iam, policy)
  if (versionId === policy.defaultVersionId) throw conflict('Cannot delete the default version of a policy.')
  policy.versions.delete(versionId)
  return undefined
}

function deletePolicy(iam: IamCall): Xml {
  const policy = namedPolicy(iam)
  const { roles, users } = iam.core.state
  const entities = [...roles.values(), ...users.values()]
  if (entities.some((one) => one.attached.has(policy.arn) || one.boundaryArn === policy.arn)) {
    throw conflict('Cannot delete a policy attached to entities.')
  }
  if (policy.versions.size > 1) throw conflict('This policy has more than one version. Delete them first.')
  iam.core.state.policies.delete(policy.arn)
  return undefined
}

function namedVersion({ form }: IamCall, policy: ManagedPolicy): string {
  const versionId = demand(form, 'VersionId', VERSION_ID)
  if (policy.versions.has(versionId)) return versionId
  throw noSuchEntity(`Policy ${policy.arn} version ${versionId} does not exist or is not attachable.`)
}

function listPolicyVersions(iam: IamCall): Xml {
  const policy = namedPolicy(iam)
  const { items, rest } = page(iam.form, [...policy.versions].reverse())
  return { Versions: items.map(([versionId, version]) => versionXml(policy, versionId, version)), ...rest }
}

function namedPolicy(iam: IamCall): ManagedPolicy {
  const arn = demand(iam.form, 'PolicyArn', ARN)
  allow(iam, arn, `policy ${arn}`)
  const policy = iam.core.state.policies.get(arn)
  if (policy === undefined) throw noSuchEntity(`Policy ${arn} was not found.`)
  return policy
}

function checkDocument(document: string): void {
  checkIdentityPolicy(document)
  if (policySize(document) > SIZE_QUOTA) {
    throw new AwsError('LimitExceeded', 409, `Cannot exceed quota for PolicySize: ${SIZE_QUOTA}`)
  }
}

export function policyXml({ core }: IamCall, policy: ManagedPolicy): { readonly [name: string]: Xml } {
  const roles = [...core.state.roles.values()]
  const entities = [...roles, ...core.state.users.values()]
  return {
    PolicyName: policy.policyName,
    PolicyId: policy.policyId,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: policy.defaultVersionId,
    AttachmentCount: entities.filter((one) => one.attached.has(policy.arn)).length,
    PermissionsBoundaryUsageCount: entities.filter((one) => one.boundaryArn === policy.arn).length,
    IsAttachable: true,
    Description: policy.description || undefined,
    CreateDate: isoSeconds(policy.createdAt),
    UpdateDate: isoSeconds([...policy.versions.values()].at(-1)?.createdAt ?? policy.createdAt),
  }
}

export function versionXml(policy: ManagedPolicy, versionId: string, version: { readonly createdAt: number }) {
  return {
    VersionId: versionId,
    IsDefaultVersion: versionId === policy.defaultVersionId,
    CreateDate: isoSeconds(version.createdAt),
  }
}

export const MANAGED_ACTIONS: Readonly<Record<string, IamAction>> = {
  CreatePolicy: createPolicy,
  GetPolicy: getPolicy,
  GetPolicyVersion: getPolicyVersion,
  CreatePolicyVersion: createPolicyVersion,
  ListPolicyVersions: listPolicyVersions,
  SetDefaultPolicyVersion: setDefaultPolicyVersion,
  DeletePolicyVersion: deletePolicyVersion,
  DeletePolicy: deletePolicy,
}
