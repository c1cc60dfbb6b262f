import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import {
  CreatePolicyCommand,
  CreateRoleCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
} from '@aws-sdk/client-iam'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type SandboxAws, startAws } from '../../../sandbox/aws/index.ts'
import { type DocumentName, type Installation, shippedDocument } from '../../../sandbox/aws/policies.ts'
import { compareWiring, readWiring } from '../../../src/aws/feed/compare-feed.ts'
import { desiredState } from '../../../src/aws/feed/desired-state.ts'
import { managementIsLogged, writesAreLogged } from '../../../src/aws/feed/event-selectors.ts'
import { attachBoundaryFaults } from '../../../src/aws/inspect/attach-entity-policies.ts'
import { boundaryFaults, trustFaults } from '../../../src/aws/inspect/elevation-role-policies.ts'
import { regionClients } from '../../../src/aws/region-clients.ts'
import { feedRegions } from '../../../src/aws/regions.ts'
import {
  CLOUDTRAIL_KEY,
  type JobOutcome,
  missing,
  type Plan,
  providerAt,
  providersAt,
  type Terraform,
  terraformIn,
  type Values,
} from '../../fixtures/terraform.ts'
import { useAws } from '../use-aws.ts'

/** The documents that `terraform/` plans equal those that the sandbox enforces, compared as JSON. */

const HOME = '111122223333'
const DATA = '444455556666'
const EXTERNAL_ID = 'c0ffee'.repeat(6)
const KEY = `arn:aws:kms:eu-west-1:${HOME}:key/0b6f2a34-7d0e-4f7c-9a55-1c1f0f9d2a10`

const identities = [`arn:aws:iam::${HOME}:role/latchkey-web`, `arn:aws:iam::${HOME}:role/latchkey-workers`] as const

const alone: Installation = {
  account: HOME,
  elevationRoles: [{ name: 'prod', replicas: 2 }],
  identities,
  buckets: ['finance-reports'],
  kmsKeys: [KEY],
  attachRoles: ['data/analyst'],
  attachUsers: ['batch'],
  externalId: undefined,
  accounts: [],
}
const bare = {
  ...alone,
  elevationRoles: [{ name: 'prod', replicas: 1 }],
  kmsKeys: [],
  attachRoles: [],
  attachUsers: [],
}
const home: Installation = { ...bare, accounts: [{ account: DATA, elevationRoles: [{ name: 'data', replicas: 1 }] }] }
const data: Installation = {
  ...bare,
  account: DATA,
  elevationRoles: [{ name: 'data', replicas: 1 }],
  buckets: ['data-lake'],
  externalId: EXTERNAL_ID,
}

/** An installation that uses every template. */
const everything: Installation = { ...alone, accounts: home.accounts, externalId: EXTERNAL_ID }

const selector = z.object({
  Name: z.string(),
  FieldSelectors: z.array(
    z.object({
      Field: z.string(),
      Equals: z.array(z.string()).default([]),
      StartsWith: z.array(z.string()).default([]),
    }),
  ),
})

function documentOf(planned: ReadonlyMap<string, Values>, address: string): unknown {
  const values = planned.get(address) ?? {}
  return JSON.parse(String(values.policy ?? values.assume_role_policy))
}

const moto = spawnSync('moto_server', ['--help'], { stdio: 'ignore' }).status === 0
const lacking = missing ?? (moto ? undefined : 'moto_server on the PATH')

let aws: SandboxAws
let server: { readonly url: string; stop(): Promise<void> } | undefined
let owners: Readonly<Record<'home' | 'alone' | 'data', string>>
/** One account, planned once. Where moto is installed the plan is made against it and applied. */
let one: Terraform
let planned: Promise<Plan>
let made: Promise<{ readonly applied: JobOutcome; readonly again: JobOutcome }>
const motoKeys = { accessKeyId: 'SANDBOXMOTO', secretAccessKey: 'moto' }
const installations: Terraform[] = []

function newTerraform(...where: Parameters<typeof terraformIn>): Terraform {
  const copy = terraformIn(...where)
  installations.push(copy)
  return copy
}

beforeAll(async () => {
  if (missing !== undefined) return
  aws = await startAws({ account: HOME })
  const at = aws.seedLatchkey().keys.owner
  const there = aws.seedLatchkey({ buckets: [{ name: 'data-lake' }] }, DATA).keys.owner
  const { url } = aws
  owners = {
    home: providerAt({ url, keys: at }),
    alone: providersAt({ url, keys: at }),
    data: providerAt({ url, keys: there, alias: 'data' }),
  }
  server = lacking === undefined ? await startMoto() : undefined
  one = newTerraform(
    'examples/one-account',
    server === undefined ? owners.alone : providersAt({ url: server.url, keys: motoKeys }),
  )
  expect(await one.run('init', '-input=false')).toMatchObject({ code: 0 })
  planned = one.plan()
  // The provider waits 25 seconds for each of two settings of a queue, so this starts first and runs beside the other tests.
  if (server !== undefined) made = makeOneAccount()
  for (const begun of [planned, made]) begun?.catch(() => undefined)
}, 240_000)
afterAll(async () => {
  await Promise.allSettled([planned, made])
  for (const copy of installations) copy.remove()
  await server?.stop()
  await aws?.stop()
}, 240_000)

async function makeOneAccount(): Promise<{ readonly applied: JobOutcome; readonly again: JobOutcome }> {
  await planned
  const applied = await one.run('apply', '-no-color', '-input=false', 'plan')
  return { applied, again: await one.run('plan', '-no-color', '-input=false', '-detailed-exitcode') }
}

describe.skipIf(missing !== undefined)(
  `the Terraform module (needs ${missing ?? 'terraform and the AWS provider'})`,
  { timeout: 240_000 },
  () => {
    it('is written as Terraform writes it', async () => {
      expect(await newTerraform('.').run('fmt', '-check', '-recursive', '-diff')).toEqual({ code: 0, output: '' })
    })

    it('plans one account as the sandbox is seeded, and preflight finds no fault in it', async () => {
      const { resources, outputs } = await planned
      const documents: Readonly<Record<string, DocumentName>> = {
        'aws_iam_policy.boundary': 'elevation',
        'aws_iam_policy.elevation': 'elevation',
        'aws_iam_policy.attach_boundary[0]': 'attach_boundary',
        'aws_iam_policy.rights["read"]': 'read',
        'aws_iam_policy.rights["write"]': 'write',
        'aws_iam_policy.rights["web_enter"]': 'web_enter',
        'aws_iam_policy.rights["workers_enter"]': 'workers_enter',
        'aws_iam_role.elevation["latchkey/prod"]': 'trust',
        'aws_iam_role.elevation["latchkey/prod-2"]': 'trust',
      }
      for (const [address, name] of Object.entries(documents))
        expect(documentOf(resources, `module.latchkey.${address}`), address).toEqual(
          JSON.parse(shippedDocument(name, alone)),
        )
      const trust = shippedDocument('trust', alone)
      expect(boundaryFaults(shippedDocument('elevation', alone))).toEqual([])
      expect(identities.map((us) => trustFaults(trust, us))).toEqual([[], []])
      expect(attachBoundaryFaults(shippedDocument('attach_boundary', alone))).toEqual([])
      const { trail_selectors } = z.object({ trail_selectors: z.array(selector) }).parse(outputs.latchkey)
      const selectors = { advanced: trail_selectors, basic: [] }
      expect(writesAreLogged(selectors, 'arn:aws:s3:::finance-reports')).toBe(true)
      expect(managementIsLogged(selectors)).toBe(true)
    })

    it('plans a second account, which is entered with its external id, and nowhere without it', async () => {
      const two = newTerraform('examples/two-accounts', owners.home + owners.data)
      expect(await two.run('init', '-input=false')).toMatchObject({ code: 0 })
      const { resources } = await two.plan('-var', `external_id=${EXTERNAL_ID}`)
      const there: Readonly<Record<string, DocumentName>> = {
        'aws_iam_policy.rights["read"]': 'read',
        'aws_iam_policy.rights["write"]': 'write',
        'aws_iam_role.hub["hub"]': 'hub_trust',
        'aws_iam_role.hub["reader"]': 'reader_trust',
        'aws_iam_role.elevation["latchkey/data"]': 'trust',
      }
      for (const [address, name] of Object.entries(there))
        expect(documentOf(resources, `module.latchkey_data.${address}`), address).toEqual(
          JSON.parse(shippedDocument(name, data)),
        )
      for (const part of ['web_enter', 'workers_enter', 'read', 'write'] as const)
        expect(documentOf(resources, `module.latchkey.aws_iam_policy.rights["${part}"]`)).toEqual(
          JSON.parse(shippedDocument(part, home)),
        )
      const trust = shippedDocument('trust', data)
      expect(identities.map((us) => trustFaults(trust, us, EXTERNAL_ID))).toEqual([[], []])
      const elsewhere = [...resources.keys()].filter((address) => address.startsWith('module.latchkey_data.'))
      expect(elsewhere.filter((address) => /enter|identity/.test(address))).toEqual([])
    })

    /** One copy for all refused plans, because their providers and modules are the same. */
    let refused: Terraform
    beforeAll(async () => {
      refused = newTerraform('examples/one-account', owners.alone)
      await refused.run('init', '-input=false')
    })

    it('refuses what would be wider than it looks, each by a sentence', async () => {
      refused.override(
        `${owners.alone}module "latchkey" {
        buckets = ["finance-*"]
        kms_keys = ["arn:aws:kms:eu-west-1:${HOME}:key/*"]
        copies = 21
        elevation_role = "Admin"
        external_id = "short"
        attach_roles = ["data/*"]
        attach_users = ["batch?"]
        web_role = "latchkey-*"
        workers_role = "*"
        wire_events_key = "${'c7'.repeat(15)}"
        accounts = [{ id = "444455556666", hub = { role = "latchkey/*" } }]
      }`,
      )
      const { code, output } = await refused.run('plan', '-no-color', '-input=false')
      expect(code).toBe(1)
      for (const sentence of [
        'without wildcards',
        'ARN of the key',
        '1 to 20 copies',
        'path latchkey/',
        '16 characters',
        'Each role that holds grants',
        'Each user who holds grants',
        'The role of the web process is one role',
        'The role of the workers is one role',
        'Each account is named by twelve digits',
        '32 characters',
      ])
        expect(output.replace(/\s*\n[│\s]*/g, ' ')).toContain(sentence)
    })

    it('refuses another account without its external id', async () => {
      refused.override(`${owners.alone}module "latchkey" { home_account = "${DATA}" }`)
      const { code, output } = await refused.run('plan', '-no-color', '-input=false')
      expect(code).toBe(1)
      expect(output).toContain('needs an external_id')
    })
  },
)

describe.skipIf(lacking !== undefined)(
  `the Terraform module, applied to moto (needs ${lacking ?? 'terraform and moto_server'})`,
  { timeout: 240_000 },
  () => {
    it('makes what it planned, finds nothing to change afterwards, and writes IAM’s own grammar', async () => {
      if (server === undefined) throw new Error('moto was not started')
      const { url } = server
      const iam = new IAMClient({ endpoint: url, region: 'us-east-1', credentials: motoKeys })
      try {
        const { applied, again } = await made
        expect(applied.code, applied.output).toBe(0)
        expect(again.output).toContain('No changes.')
        for (const RoleName of ['prod', 'prod-2']) {
          const { Role } = await iam.send(new GetRoleCommand({ RoleName }))
          const PolicyArn = Role?.PermissionsBoundary?.PermissionsBoundaryArn
          const { Policy } = await iam.send(new GetPolicyCommand({ PolicyArn }))
          const version = new GetPolicyVersionCommand({ PolicyArn, VersionId: Policy?.DefaultVersionId })
          const { PolicyVersion } = await iam.send(version)
          expect(boundaryFaults(decodeURIComponent(PolicyVersion?.Document ?? ''))).toEqual([])
          const trust = decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')
          const us = Role?.Arn?.replace(/role\/.*/, 'role/latchkey-web') ?? ''
          expect(trustFaults(trust, us)).toEqual([])
          const { AttachedPolicies } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }))
          expect(AttachedPolicies?.map(({ PolicyName }) => PolicyName)).toEqual(['latchkey-elevation'])
        }
        await comparesAsOurs(url)
        for (const name of ['read', 'write', 'web_enter', 'workers_enter'] as const)
          await iam.send(
            new CreatePolicyCommand({ PolicyName: `of-${name}`, PolicyDocument: shippedDocument(name, everything) }),
          )
        for (const name of ['trust', 'hub_trust', 'reader_trust'] as const)
          await iam.send(
            new CreateRoleCommand({
              RoleName: `of-${name}`,
              AssumeRolePolicyDocument: shippedDocument(name, everything),
            }),
          )
      } finally {
        iam.destroy()
      }
    })
  },
)

/** moto with the account that the example names. */
async function startMoto(): Promise<NonNullable<typeof server>> {
  const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', '0'], {
    env: { ...process.env, MOTO_ACCOUNT_ID: HOME },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  return {
    url: await urlOf(child.stderr),
    async stop() {
      child.kill()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

/** `latchkey aws check` finds no difference in either Region. */
async function comparesAsOurs(url: string): Promise<void> {
  useAws(url, motoKeys)
  const rules = {
    accounts: new Map([['prod', { name: 'prod', id: HOME, elevationRole: 'latchkey/prod', copies: 2 }]]),
    buckets: new Map([
      ['finance-reports', { bucket: 'finance-reports', account: 'prod', region: 'eu-west-1', owners: [] }],
    ]),
  }
  const regions = feedRegions(rules, HOME, 'aws')
  expect(regions.map(({ region }) => region)).toEqual(['eu-west-1', 'us-east-1'])
  for (const place of regions) {
    const wanted = desiredState(place, {
      publicUrl: 'https://latchkey.example.com',
      key: CLOUDTRAIL_KEY,
      ours: identities,
    })
    const found = await readWiring(regionClients(place.region, { warn: () => undefined }))
    expect(compareWiring(wanted, found).filter(({ act }) => act !== 'keep')).toEqual([])
  }
}

async function urlOf(errors: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface(errors)) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0]
    if (url === undefined) continue
    errors.resume()
    return url
  }
  throw new Error('moto_server ended before it listened')
}
