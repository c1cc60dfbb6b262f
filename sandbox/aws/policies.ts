import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT } from '../project.ts'

/** Renders the documents in `terraform/` as `terraform/documents.tf` does, so the sandbox enforces what customers install. */

/** The values that a template may name. `undefined` is for documents that are not made. */
export type Names = Readonly<Record<string, string | readonly string[] | undefined>>

const POLICIES = join(PROJECT, 'terraform', 'policies')

interface Document {
  readonly Version: string
  readonly Statement: readonly object[]
}

/** Joins the statements of all these templates into one document. */
function renderPolicy(templates: readonly string[], names: Names): string {
  const documents = templates.map((template) => parse(renderTemplate(readTemplate(template), names)))
  return JSON.stringify({ Version: '2012-10-17', Statement: documents.flatMap(({ Statement }) => Statement) })
}

/** Renders Terraform's template language. The shipped documents use one form, `${jsonencode(name)}`; every other form throws. */
export function renderTemplate(text: string, names: Names): string {
  const rendered = text.replace(/\$\{jsonencode\((\w+)\)\}/g, (_, name: string) => {
    const value = names[name]
    if (value === undefined) throw new RangeError(`Nothing is called ${name}`)
    // Terraform's jsonencode escapes these three characters. A `${` in a value is not a template then.
    return JSON.stringify(value).replace(/[<>&]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`)
  })
  const other = /[$%]\{[^}]*\}?/.exec(text.replace(/\$\{jsonencode\(\w+\)\}/g, ''))
  if (other !== null) throw new RangeError(`The sandbox renders no ${other[0]}`)
  return rendered
}

function readTemplate(name: string): string {
  return readFileSync(join(POLICIES, `${name}.json.tftpl`), 'utf8')
}

function parse(text: string): Document {
  const document: Document = JSON.parse(text)
  return document
}

/** An account and its elevation roles. */
export interface AccountRoles {
  /** The account id, twelve digits. */
  readonly account: string
  /** Names below `latchkey/`. Each stands for the role and its numbered replicas. */
  readonly elevationRoles: readonly { readonly name: string; readonly replicas: number }[]
}

export interface Installation extends AccountRoles {
  /** IAM ARNs of the web identity and the workers identity. */
  readonly identities: readonly [string, string]
  readonly buckets: readonly string[]
  readonly kmsKeys: readonly string[]
  /** Paths and names. */
  readonly attachRoles: readonly string[]
  readonly attachUsers: readonly string[]
  /** Set in accounts where Latchkey does not run. */
  readonly externalId: string | undefined
  /** Set in the account where Latchkey runs: the other accounts that it serves. */
  readonly accounts: readonly AccountRoles[]
}

/** The resource kinds of IAM, listed because IAM accepts no wildcard for the kind. */
const IAM_KINDS = [
  ...[
    'user',
    'role',
    'group',
    'policy',
    'instance-profile',
    'mfa',
    'server-certificate',
    'saml-provider',
    'oidc-provider',
  ],
]

export type DocumentName =
  | 'elevation'
  | 'trust'
  | 'attach_boundary'
  | 'read'
  | 'write'
  | 'web_enter'
  | 'workers_enter'
  | 'hub_trust'
  | 'reader_trust'

interface Part {
  readonly of: readonly string[]
  readonly with?: Names
}

/** Renders one document as Terraform does. The home account lists the roles that web and workers enter; other accounts list who may enter a hub role. */
export function shippedDocument(name: DocumentName, installation: Installation): string {
  const part = partsOf(installation)[name]
  return renderPolicy(part.of, { ...namesOf(installation), ...part.with })
}

function partsOf(installation: Installation): Readonly<Record<DocumentName, Part>> {
  const { accounts, attachRoles, attachUsers, externalId, identities, kmsKeys } = installation
  const given = (list: readonly unknown[], part: string) => (list.length > 0 ? [part] : [])
  const read = ['read', ...given(kmsKeys, 'read-keys'), ...given(attachUsers, 'read-users')]
  const write = ['write-deny', ...given(attachRoles, 'write-roles'), ...given(attachUsers, 'write-users')]
  const vend = ['vend', ...given(accounts, 'hop')]
  const hubs = (role: string) => ({
    hubs: accounts.map(({ account }) => `arn:aws:iam::${account}:role/latchkey/${role}`),
  })
  const [web, workers] = identities
  return {
    elevation: { of: ['elevation', ...given(kmsKeys, 'elevation-keys')] },
    trust: { of: [externalId === undefined ? 'trust' : 'trust-external'] },
    attach_boundary: { of: ['attach-boundary'] },
    read: { of: [...read, 'never-write'] },
    write: { of: [...read, ...write, 'never-widen'] },
    web_enter: { of: vend, with: hubs('hub-reader') },
    workers_enter: { of: [...vend, 'read-wiring'], with: hubs('hub') },
    reader_trust: { of: ['trust-hub'], with: { identity: web } },
    hub_trust: { of: ['trust-hub'], with: { identity: workers } },
  }
}

function namesOf(installation: Installation): Names {
  const { account, buckets, kmsKeys, attachRoles, attachUsers } = installation
  const iam = `arn:aws:iam::${account}`
  const elevationRoles = [`${iam}:role/latchkey/*`]
  const entityRoles = attachRoles.map((name) => `${iam}:role/${name}`)
  const entityUsers = attachUsers.map((name) => `${iam}:user/${name}`)
  const boundary = `${iam}:policy/latchkey/latchkey-boundary`
  const attachBoundary = `${iam}:policy/latchkey/latchkey-attach-boundary`
  const hasEntities = entityRoles.length + entityUsers.length > 0
  return {
    objects: buckets.map((name) => `arn:aws:s3:::${name}/*`),
    buckets: buckets.map((name) => `arn:aws:s3:::${name}`),
    keys: kmsKeys,
    key_services: [...new Set(kmsKeys.map((key) => `s3.${key.split(':')[3]}.amazonaws.com`))],
    identities: installation.identities,
    external_id: installation.externalId,
    elevation_roles: elevationRoles,
    vended_roles: [installation, ...installation.accounts].flatMap(rolesOf),
    holder_roles: entityRoles,
    holder_users: entityUsers,
    users: entityUsers,
    roles: [...elevationRoles, ...entityRoles],
    writable: [...elevationRoles, ...entityRoles, ...entityUsers],
    own_policies: `${iam}:policy/latchkey/*`,
    boundary,
    attach_boundary: attachBoundary,
    boundaries: hasEntities ? [boundary, attachBoundary] : [boundary],
    wiring: [
      `${iam}:role/latchkey-events-invoke`,
      `arn:aws:sqs:*:${account}:latchkey-dead-letters`,
      ...['connection/latchkey*', 'api-destination/latchkey*', 'rule/latchkey-*'].map(
        (kind) => `arn:aws:events:*:${account}:${kind}`,
      ),
    ],
    any_of_iam: IAM_KINDS.map((kind) => `arn:aws:iam::*:${kind}/*`),
    any_of_ours: 'arn:aws:iam::*:role/latchkey/*',
  }
}

function rolesOf({ account, elevationRoles }: AccountRoles): readonly string[] {
  return elevationRoles.flatMap(({ name, replicas }) => {
    const patterns = [name, ...(replicas > 1 ? [`${name}-?`] : []), ...(replicas > 9 ? [`${name}-??`] : [])]
    return patterns.map((pattern) => `arn:aws:iam::${account}:role/latchkey/${pattern}`)
  })
}
