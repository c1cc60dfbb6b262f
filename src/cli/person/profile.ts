import { type GrantAnswer, grantAnswer, grantsAnswer } from '../../http/api-schemas.ts'
import { parseScope } from '../../rules/scope.ts'
import { RECORD_ID } from '../../store/ids.ts'
import { credentialProcess, withoutProfiles, withProfile } from '../aws-profile/aws-config.ts'
import { configPath, editConfig, readProfiles, refuseShadowed } from '../aws-profile/aws-files.ts'
import { plain } from '../plain.ts'
import { Problem } from '../problem.ts'
import { print, say } from '../terminal.ts'
import { ask } from './call-server.ts'
import { isOver } from './describe.ts'

export interface ProfileOptions {
  readonly name?: string
  readonly region?: string
  readonly remove?: true
}

/**
 * Writes an AWS profile that gets its credentials from `latchkey credentials <grantId>`. Removes the profiles of grants
 * that are over.
 */
export async function profile(grantId: string | undefined, options: ProfileOptions): Promise<void> {
  if (grantId === undefined) return await tidyProfiles(options)
  if (options.remove) return await removeProfile(grantId)
  const grant = await ask(`/grants/${encodeURIComponent(grantId)}`, grantAnswer)
  refuseOther(grant, grantId)
  const region = usableRegion(grant, options)
  const name = options.name ?? `latchkey-${grant.id}`
  const command = credentialProcess([process.execPath, process.argv[1] ?? '', 'credentials', grant.id])
  await refuseShadowed(name)
  const isGone = await findOver()
  const gone = await editConfig((text) =>
    withoutProfiles(withProfile(text, { name, grantId: grant.id, command, region }), isGone),
  )
  say(`The profile ${name} is in ${configPath()}.${goneWords(gone)} ${whenToUse(grant)}`)
  print(awsLine(grant, name))
}

function whenToUse(grant: GrantAnswer): string {
  return grant.status === 'activating' ? `${notYet(grant)} From then on:` : 'Use it until the grant ends:'
}

export function notYet({ id }: GrantAnswer): string {
  return `Grant ${plain(id)} is not active yet; \`latchkey grants ${plain(id)}\` says when it is.`
}

/** The id is written into a file that AWS tools obey, so it must be the id that was asked for. */
function refuseOther({ id }: GrantAnswer, asked: string): void {
  if (id === asked && RECORD_ID.test(id)) return
  throw new Problem(`Latchkey did not answer with grant ${plain(asked)}. Nothing was written. Check LATCHKEY_URL.`)
}

function usableRegion(grant: GrantAnswer, { region = grant.region ?? undefined }: ProfileOptions): string {
  if (isOver(grant)) throw new Problem(`Grant ${grant.id} is over. Ask again if you still need access.`)
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

async function tidyProfiles(options: ProfileOptions): Promise<void> {
  if (Object.keys(options).length > 0) throw new Problem('Say of which grant: `latchkey profile <grantId>`.')
  const isGone = await findOver()
  const gone = await editConfig((text) => withoutProfiles(text, isGone))
  const remaining = await readProfiles()
  for (const { name, grantId } of remaining) print(`${name}  ${grantId}`)
  const which = remaining.length === 0 ? 'There is no profile of' : 'Those are the profiles of'
  say(`${which} Latchkey in ${configPath()}.${goneWords(gone)}`)
}

/**
 * Removes the profile of a grant that was just ended.
 * @throws Problem that says that the grant is ended, when the file cannot be written
 */
export async function forgetProfile(grantId: string): Promise<void> {
  try {
    const gone = await editConfig((text) => withoutProfiles(text, (id) => id === grantId))
    if (gone.length > 0) say(`Removed from ${configPath()}: ${gone.join(', ')}.`)
  } catch (error) {
    const message = `The grant is ended. Its profile may still be in ${configPath()}, which could not be written.`
    throw new Problem(message, { cause: error })
  }
}

/** A test whether a grant is over, among the newest hundred grants of the person. */
async function findOver(): Promise<(grantId: string) => boolean> {
  const { grants } = await ask('/grants?limit=100', grantsAnswer)
  const over = new Set(grants.filter(isOver).map(({ id }) => id))
  return (id) => over.has(id)
}

function goneWords(gone: readonly string[]): string {
  return gone.length === 0 ? '' : ` Of grants that are over, it is rid of ${gone.join(', ')}.`
}

/**
 * An example command that the grant allows. `aws s3` has no command for `purge` alone, nor for `tag` alone on an
 * object; `aws s3api` has.
 */
function awsLine({ scopes: [scope = ''], levels }: GrantAnswer, name: string): string {
  return `aws ${scope.endsWith('/') ? prefixCommand(scope, levels) : objectCommand(scope, levels)} --profile ${name}`
}

function prefixCommand(scope: string, levels: readonly string[]): string {
  return levels.every((level) => level === 'purge')
    ? `s3api list-object-versions ${bucketAndKey(scope, '--prefix')}`
    : `s3 ls ${inShell(scope)}`
}

function objectCommand(scope: string, levels: readonly string[]): string {
  const uri = inShell(scope)
  if (levels.includes('read')) return `s3 cp ${uri} .`
  if (levels.includes('write')) return `s3 cp ./file ${uri}`
  if (levels.includes('delete')) return `s3 rm ${uri}`
  if (levels.includes('tag')) return `s3api get-object-tagging ${bucketAndKey(scope, '--key')}`
  // A grant on one object cannot list its version ids. `null` is the id of the only version in a bucket without
  // versioning.
  return `s3api get-object ${bucketAndKey(scope, '--key')} --version-id null ./file`
}

function bucketAndKey(scope: string, option: '--key' | '--prefix'): string {
  const { bucket, key } = parseScope(scope)
  return [`--bucket ${inShell(bucket)}`, ...(key === '' ? [] : [`${option} ${inShell(key)}`])].join(' ')
}

function inShell(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
