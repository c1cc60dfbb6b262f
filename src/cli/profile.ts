import { randomUUID } from 'node:crypto'
import { chmod, mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { grantAnswer, grantsAnswer } from '../http/api-schemas.ts'
import { RECORD_ID } from '../record.ts'
import { parseScope } from '../rules/scope.ts'
import { credentialProcess, profileNames, withoutProfiles, withProfile } from './aws-config.ts'
import type { GrantAnswer } from './describe.ts'
import { plain } from './plain.ts'
import { Problem } from './problem.ts'
import { ask, print, say } from './terminal.ts'
import { isMissing, withLock } from './token-file.ts'

export interface ProfileOptions {
  readonly name?: string
  readonly region?: string
  readonly remove?: true
}

const OVER: readonly GrantAnswer['status'][] = ['revoking', 'expired', 'revoked']
/** Only its owner reads it, as the AWS CLI makes it. */
const NEW_FILE_MODE = 0o600

/** An AWS profile whose credentials come from `latchkey credentials <grantId>`. Those of grants that are over go. */
export async function profile(grantId: string, options: ProfileOptions): Promise<void> {
  if (options.remove) return await removeProfile(grantId)
  const grant = await ask(`/grants/${encodeURIComponent(grantId)}`, grantAnswer)
  refuseOther(grant, grantId)
  const { grants } = await ask('/grants?limit=100', grantsAnswer)
  const region = usableRegion(grant, options)
  const name = options.name ?? `latchkey-${grant.id}`
  const command = credentialProcess([process.execPath, process.argv[1] ?? '', 'credentials', grant.id])
  const over = new Set(grants.filter(({ status }) => OVER.includes(status)).map(({ id }) => id))
  const gone = await editConfig((text) =>
    withoutProfiles(withProfile(text, { name, grantId: grant.id, command, region }), (id) => over.has(id)),
  )
  say(`The profile ${name} is in ${configPath()}.${goneWords(gone)} Use it until the grant ends:`)
  print(awsLine(grant, name))
}

/** The id goes into a file that the person's other tools obey. */
function refuseOther({ id }: GrantAnswer, asked: string): void {
  if (id === asked && RECORD_ID.test(id)) return
  throw new Problem(`Latchkey did not answer with grant ${plain(asked)}. Nothing was written. Check LATCHKEY_URL.`)
}

function usableRegion(grant: GrantAnswer, { region = grant.region ?? undefined }: ProfileOptions): string {
  if (OVER.includes(grant.status)) throw new Problem(`Grant ${grant.id} is over. Ask again if you still need access.`)
  if (grant.driver === 'attach') {
    throw new Problem(`Grant ${grant.id} is on the role or user that you have: use the profile that you have of it.`)
  }
  if (region === undefined) throw new Problem('The rules do not say the region of the bucket. Give it with --region.')
  if (/^[a-z0-9-]+$/.test(region)) return region
  throw new Problem('A region is written as eu-west-1.')
}

async function removeProfile(grantId: string): Promise<void> {
  const gone = await editConfig((text) => withoutProfiles(text, (id) => id === grantId))
  if (gone.length === 0) throw new Problem(`There is no profile of ${plain(grantId)} in ${configPath()}.`)
  say(`Removed from ${configPath()}: ${gone.join(', ')}.`)
}

function goneWords(gone: readonly string[]): string {
  return gone.length === 0 ? '' : ` Of grants that are over, it is rid of ${gone.join(', ')}.`
}

/** One that the grant allows; `purge` alone, and `tag` alone on an object, have none under `aws s3`. */
function awsLine({ scopes: [scope = ''], levels }: GrantAnswer, name: string): string {
  return `aws ${scope.endsWith('/') ? prefixCommand(scope, levels) : objectCommand(scope, levels)} --profile ${name}`
}

function prefixCommand(scope: string, levels: readonly string[]): string {
  return levels.every((level) => level === 'purge')
    ? `s3api list-object-versions ${bucketAndKey(scope, '--prefix')}`
    : `s3 ls ${inShell(scope)}`
}

function objectCommand(scope: string, levels: readonly string[]): string {
  const place = inShell(scope)
  if (levels.includes('read')) return `s3 cp ${place} .`
  if (levels.includes('write')) return `s3 cp ./file ${place}`
  if (levels.includes('delete')) return `s3 rm ${place}`
  if (levels.includes('tag')) return `s3api get-object-tagging ${bucketAndKey(scope, '--key')}`
  // The names of versions are told of prefixes only; in a bucket that keeps none the one there is has the id `null`.
  return `s3api get-object ${bucketAndKey(scope, '--key')} --version-id null ./file`
}

function bucketAndKey(scope: string, option: '--key' | '--prefix'): string {
  const { bucket, key } = parseScope(scope)
  return [`--bucket ${inShell(bucket)}`, ...(key === '' ? [] : [`${option} ${inShell(key)}`])].join(' ')
}

function inShell(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

function configPath(): string {
  const given = process.env.AWS_CONFIG_FILE ?? ''
  return given === '' ? join(homedir(), '.aws', 'config') : given.replace(/^~(?=[/\\])/, homedir())
}

/** Written beside and renamed, with the mode it has. @returns names of our profiles that are gone from it */
async function editConfig(change: (text: string) => string): Promise<readonly string[]> {
  return await withLock(async () => {
    const { path, text, mode } = await readConfig()
    const next = change(text)
    if (next !== text) await replace(path, next, mode)
    const left = profileNames(next)
    return profileNames(text).filter((name) => !left.includes(name))
  })
}

/** A character for each byte (latin1): what somebody else wrote there may be in any encoding. A link is followed, so that it stays one. */
async function readConfig(): Promise<{ readonly path: string; readonly text: string; readonly mode: number }> {
  const given = configPath()
  try {
    const path = await realpath(given)
    const [text, { mode }] = await Promise.all([readFile(path, 'latin1'), stat(path)])
    return { path, text, mode: mode & 0o777 }
  } catch (error) {
    if (!isMissing(error)) throw error
    await mkdir(dirname(given), { recursive: true, mode: 0o700 })
    return { path: given, text: '', mode: NEW_FILE_MODE }
  }
}

async function replace(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  try {
    await writeFile(draft, text, { encoding: 'latin1', mode: NEW_FILE_MODE, flag: 'wx' })
    await chmod(draft, mode)
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}
