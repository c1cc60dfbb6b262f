import {
  GetAccountAuthorizationDetailsCommand,
  type GetAccountAuthorizationDetailsCommandOutput,
} from '@aws-sdk/client-iam'
import { isGrantPolicy } from '../../grants/iam-entity.ts'
import { askFor, type RegionClients } from '../region-clients.ts'
import type { FeedRegion } from '../regions.ts'
import { type ReadStatement, readStatements } from './policy-reach.ts'

/** A user or role of the account, with the policies that apply to it. */
export interface AccountPrincipal {
  /** @example "user everyday" */
  readonly name: string
  /** Statements of its own policies and, for a user, of its groups. */
  readonly statements: readonly ReadStatement[]
  /** Statements of its permissions boundary; undefined: it has none, or it could not be read. */
  readonly boundary: readonly ReadStatement[] | undefined
  /** Whether every policy could be read. */
  readonly isWhole: boolean
}

type Page = Omit<GetAccountAuthorizationDetailsCommandOutput, '$metadata'>

/** Users and roles of the account, without elevation roles and AWS's service-linked roles. */
export async function readPrincipals(
  clients: RegionClients,
  feedRegion: FeedRegion,
): Promise<readonly AccountPrincipal[]> {
  const pages = await readPages(clients)
  const managed = new Map(pages.flatMap(({ Policies = [] }) => Policies.map((one) => [one.Arn ?? '', documentOf(one)])))
  const groups = new Map(
    pages.flatMap(({ GroupDetailList = [] }) =>
      GroupDetailList.map((one) => [
        one.GroupName ?? '',
        textsOf(one.GroupPolicyList, one.AttachedManagedPolicies, managed),
      ]),
    ),
  )
  const users = pages.flatMap(({ UserDetailList = [] }) =>
    UserDetailList.map((one) =>
      principal(`user ${one.UserName}`, one.PermissionsBoundary?.PermissionsBoundaryArn, managed, [
        ...textsOf(one.UserPolicyList, one.AttachedManagedPolicies, managed),
        ...(one.GroupList ?? []).flatMap((name) => groups.get(name) ?? []),
      ]),
    ),
  )
  const elevation = new Set(feedRegion.elevationRoles)
  const roles = pages
    .flatMap(({ RoleDetailList = [] }) => RoleDetailList)
    .filter(({ Arn = '', Path = '' }) => !elevation.has(Arn) && !Path.startsWith('/aws-service-role/'))
    .map((one) => {
      const texts = textsOf(one.RolePolicyList, one.AttachedManagedPolicies, managed)
      return principal(`role ${one.RoleName}`, one.PermissionsBoundary?.PermissionsBoundaryArn, managed, texts)
    })
  return [...users, ...roles]
}

async function readPages(clients: RegionClients): Promise<readonly Page[]> {
  const pages: Page[] = []
  let Marker: string | undefined
  do {
    const command: GetAccountAuthorizationDetailsCommand = new GetAccountAuthorizationDetailsCommand({ Marker })
    const page: Page = await askFor(clients, 'to show who may do what in the account', () => clients.iam.send(command))
    pages.push(page)
    Marker = page.IsTruncated ? page.Marker : undefined
  } while (Marker !== undefined)
  return pages
}

type Managed = ReadonlyMap<string, string | undefined>

function documentOf({ PolicyVersionList = [] }: NonNullable<Page['Policies']>[number]): string | undefined {
  const text = PolicyVersionList.find(({ IsDefaultVersion }) => IsDefaultVersion)?.Document
  return text === undefined ? undefined : decodeURIComponent(text)
}

/**
 * The texts of the policies. Undefined stands for a policy that AWS does not show. Policies of grants are left out,
 * because they are no standing rights.
 */
function textsOf(
  inline: readonly { readonly PolicyName?: string | undefined; readonly PolicyDocument?: string | undefined }[] = [],
  attached: readonly { readonly PolicyArn?: string | undefined }[] = [],
  managed: Managed,
): readonly (string | undefined)[] {
  return [
    ...inline
      .filter(({ PolicyName = '' }) => !isGrantPolicy(PolicyName))
      .map(({ PolicyDocument = '' }) => decodeURIComponent(PolicyDocument)),
    ...attached.map(({ PolicyArn = '' }) => managed.get(PolicyArn)),
  ]
}

function principal(
  name: string,
  boundaryArn: string | undefined,
  managed: Managed,
  texts: readonly (string | undefined)[],
): AccountPrincipal {
  const read = texts.map((text) => (text === undefined ? undefined : readStatements(text)))
  const boundary = boundaryArn === undefined ? undefined : readStatements(managed.get(boundaryArn) ?? '')
  return {
    name,
    statements: read.flatMap((one) => one ?? []),
    boundary,
    isWhole: read.every((one) => one !== undefined) && (boundaryArn === undefined || boundary !== undefined),
  }
}
