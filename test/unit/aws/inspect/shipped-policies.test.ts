import { describe, expect, it } from 'vitest'
import { policySize } from '../../../../sandbox/aws/iam/documents.ts'
import { type Installation, renderTemplate, shippedDocument } from '../../../../sandbox/aws/policies.ts'
import { attachBoundaryFaults } from '../../../../src/aws/inspect/attach-entity-policies.ts'
import { boundaryFaults, trustFaults } from '../../../../src/aws/inspect/elevation-role-policies.ts'
import { NEVER } from '../../../../src/rules/levels.ts'

/** The documents of `terraform/policies`, rendered. */

const HOME = '111122223333'
const EXTERNAL_ID = 'c0ffee'.repeat(6)
const identities = [`arn:aws:iam::${HOME}:role/latchkey-web`, `arn:aws:iam::${HOME}:role/latchkey-workers`] as const
const names = (count: number) => Array.from({ length: count }, (_, index) => `a-bucket-of-usual-length-${index}`)

const large: Installation = {
  account: HOME,
  elevationRoles: [{ name: 'prod', replicas: 20 }],
  identities,
  buckets: names(30),
  kmsKeys: names(3).map((name) => `arn:aws:kms:eu-west-1:${HOME}:key/${name}`),
  attachRoles: ['data/analyst', 'data/engineer'],
  attachUsers: ['batch', 'loader'],
  externalId: undefined,
  accounts: Array.from({ length: 20 }, (_, index) => ({
    account: String(444455556660 + index),
    elevationRoles: [{ name: 'prod', replicas: 9 }],
  })),
}

interface Statement {
  readonly Sid: string
  readonly Effect: string
  readonly Action?: readonly string[]
  readonly NotAction?: readonly string[]
}

function statementsOf(text: string): readonly Statement[] {
  const document: { readonly Statement: readonly Statement[] } = JSON.parse(text)
  return document.Statement
}

describe('the shipped documents', () => {
  it('are what preflight demands', () => {
    expect(boundaryFaults(shippedDocument('elevation', large))).toEqual([])
    expect(attachBoundaryFaults(shippedDocument('attach_boundary', large))).toEqual([])
    const elsewhere = { ...large, externalId: EXTERNAL_ID }
    for (const us of identities) {
      expect(trustFaults(shippedDocument('trust', large), us)).toEqual([])
      expect(trustFaults(shippedDocument('trust', elsewhere), us, EXTERNAL_ID)).toEqual([])
    }
  })

  it('deny an elevation role all that they do not allow it', () => {
    const statements = statementsOf(shippedDocument('elevation', large))
    const allowed = statements.flatMap(({ Effect, Action = [] }) => (Effect === 'Allow' ? Action : []))
    expect(statements.find(({ Sid }) => Sid === 'Never')?.NotAction?.toSorted()).toEqual(allowed.toSorted())
  })

  it('deny a holder what no level may ever do', () => {
    const statements = statementsOf(shippedDocument('attach_boundary', large))
    expect(statements.find(({ Sid }) => Sid === 'Never')?.Action?.toSorted()).toEqual([...NEVER].sort())
  })

  it('fit into IAM for thirty buckets, twenty copies and twenty other accounts', () => {
    const names = ['elevation', 'attach_boundary', 'read', 'write', 'web_enter', 'workers_enter'] as const
    expect(names.filter((name) => policySize(shippedDocument(name, large)) > 6144)).toEqual([])
    expect(policySize(shippedDocument('trust', { ...large, externalId: EXTERNAL_ID }))).toBeLessThanOrEqual(2048)
  })
})

/** Begins Terraform's placeholders, which are not JavaScript's. */
const D = '$'

describe('the renderer', () => {
  it('writes lists and texts as Terraform does', () => {
    const text = renderTemplate(`{"a": ${D}{jsonencode(many)}, "b": ${D}{jsonencode(one)}}`, {
      many: ['x', 'y'],
      one: 'a<b',
    })
    expect(text).toBe('{"a": ["x","y"], "b": "a\\u003cb"}')
  })

  it.each([`${D}{name}`, `${D}{jsonencode(name[0])}`, '%{ if name }', `$${D}{name}`, `${D}{upper(name)}`])(
    'refuses %s, which it does not know',
    (text) => {
      expect(() => renderTemplate(text, { name: 'x' })).toThrow(RangeError)
    },
  )

  it('refuses a name that nobody gave', () => {
    expect(() => renderTemplate(`${D}{jsonencode(name)}`, {})).toThrow('Nothing is called name')
  })
})
