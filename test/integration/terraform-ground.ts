import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { PROJECT } from '../sandbox/project.ts'

/** Terraform on a copy of `terraform/`, with providers from this machine alone. */

const PROVIDER = join('registry.terraform.io', 'hashicorp', 'aws')

/** Named by TF_PLUGIN_MIRROR, where Terraform looks by itself ("Implied local mirror directories"), or a folder for such things beside them. */
function findMirror(): string | undefined {
  const implied = [
    join(homedir(), '.terraform.d', 'plugins'),
    ...roots('/usr/local/share/terraform', '/usr/share/terraform'),
  ]
  const places = [process.env.TF_PLUGIN_MIRROR ?? '', ...implied, ...roots('/opt', '/usr/local/lib')]
  return places.find((place) => place !== '' && existsSync(join(place, PROVIDER)))
}

function roots(...folders: readonly string[]): readonly string[] {
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
}

/** What the examples ask for. */
export const CLOUDTRAIL_KEY = 'c7'.repeat(32)

const mirror = findMirror()
const program = spawnSync('terraform', ['version'], { stdio: 'ignore' }).status === 0

/** What is missing, in plain words; undefined: nothing. */
export const missing =
  (program ? undefined : 'terraform on the PATH') ??
  (mirror === undefined ? 'the AWS provider in a local mirror of Terraform (TF_PLUGIN_MIRROR)' : undefined)

export interface Ran {
  readonly code: number | null
  readonly output: string
}

export interface Terraform {
  run(...words: readonly string[]): Promise<Ran>
  /** Plans into the file `plan`, and tells every resource by its address. */
  plan(...words: readonly string[]): Promise<Plan>
  /** Blocks of this text win over those of the same name; it replaces the text before it. */
  override(text: string): void
  remove(): void
}

export interface Plan {
  readonly resources: ReadonlyMap<string, Values>
  /** What is known of each output before anything is made. */
  readonly outputs: Values
}

export type Values = Readonly<Record<string, unknown>>

interface Module {
  readonly resources?: readonly { readonly address: string; readonly values: Values }[] | undefined
  readonly child_modules?: readonly Module[] | undefined
}

const module: z.ZodType<Module> = z.object({
  resources: z.array(z.object({ address: z.string(), values: z.record(z.string(), z.unknown()) })).optional(),
  child_modules: z.array(z.lazy(() => module)).optional(),
})
const shown = z.object({
  planned_values: z.object({ root_module: module }),
  output_changes: z.record(z.string(), z.object({ after: z.unknown() })).default({}),
})

/** @param folder below `terraform/`. @param overriding see `override` */
export function terraformIn(folder: string, overriding = ''): Terraform {
  const copy = mkdtempSync(join(tmpdir(), 'latchkey-terraform-'))
  cpSync(join(PROJECT, 'terraform'), join(copy, 'terraform'), { recursive: true })
  const cwd = join(copy, 'terraform', folder)
  const settings = join(copy, 'settings.tfrc')
  writeFileSync(
    settings,
    `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`,
  )
  const override = (text: string) => writeFileSync(join(cwd, 'test_override.tf'), text)
  override(overriding)

  async function run(...words: readonly string[]): Promise<Ran> {
    const child = spawn('terraform', words, {
      cwd,
      env: {
        PATH: process.env.PATH,
        HOME: copy,
        TF_CLI_CONFIG_FILE: settings,
        CHECKPOINT_DISABLE: '1',
        TF_IN_AUTOMATION: '1',
        // Most of what a provider computes is its schema, once for each start; collecting garbage meanwhile costs a quarter more.
        GOGC: '400',
        TF_VAR_cloudtrail_key: CLOUDTRAIL_KEY,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const closed = once(child, 'close')
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
    await closed
    return { code: child.exitCode, output: output + errors }
  }

  return {
    run,
    override,
    async plan(...words) {
      const planned = await run('plan', '-no-color', '-input=false', '-out=plan', ...words)
      if (planned.code !== 0) throw new Error(planned.output)
      const { output } = await run('show', '-json', 'plan')
      const { planned_values, output_changes } = shown.parse(JSON.parse(output))
      return {
        resources: new Map(resourcesOf(planned_values.root_module)),
        outputs: Object.fromEntries(Object.entries(output_changes).map(([name, { after }]) => [name, after])),
      }
    },
    remove: () => rmSync(copy, { recursive: true, force: true }),
  }
}

function resourcesOf({ resources = [], child_modules = [] }: Module): (readonly [string, Values])[] {
  return [...resources.map(({ address, values }) => [address, values] as const), ...child_modules.flatMap(resourcesOf)]
}

interface Provider {
  readonly url: string
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly alias?: string
  readonly region?: string
}

/** A provider that asks the sandbox or moto and nobody else. */
export function providerAt({ url, keys, alias, region = 'eu-west-1' }: Provider): string {
  const services = ['iam', 'sts', 'events', 'sqs', 'cloudtrail', 's3']
  return `provider "aws" {
    ${alias === undefined ? '' : `alias = ${JSON.stringify(alias)}`}
    profile = ""
    region = ${JSON.stringify(region)}
    access_key = ${JSON.stringify(keys.accessKeyId)}
    secret_key = ${JSON.stringify(keys.secretAccessKey)}
    skip_credentials_validation = true
    skip_metadata_api_check = true
    skip_requesting_account_id = true
    skip_region_validation = true
    endpoints {
      ${services.map((service) => `${service} = ${JSON.stringify(url)}`).join('\n      ')}
    }
  }\n`
}

/** Those of the example of one account: its own region's, and IAM's. */
export function providersAt(at: Provider): string {
  return providerAt(at) + providerAt({ ...at, alias: 'of_iam', region: 'us-east-1' })
}
