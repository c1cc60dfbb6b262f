import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import type { z } from 'zod'
import { consoleAnswer, credentialsAnswer, grantAnswer, grantsAnswer, linkAnswer } from '../http/api-schemas.ts'
import { openBrowser } from './browser.ts'
import { type GrantAnswer, grantLine, HOW_TO_ASK, isOver, previewLines } from './describe.ts'
import { environmentLines } from './environment-lines.ts'
import { plain } from './plain.ts'
import { Problem, Refusal } from './problem.ts'
import { forgetProfile, notYet, profile } from './profile.ts'
import { act, ask, print, say } from './terminal.ts'

/** What a person does with their grants. */

async function showGrants(id: string | undefined): Promise<void> {
  if (id === undefined) return await listGrants()
  const grant = await readGrant(id)
  print(grantLine(grant))
  if (isOver(grant)) return
  for (const line of previewLines(grant)) say(line)
}

async function readGrant(id: string): Promise<GrantAnswer> {
  return await ask(`/grants/${encodeURIComponent(id)}`, grantAnswer)
}

const REFUSED_WITHIN_MS = 5_000
const LOOK_EVERY_MS = 500

async function done(id: string): Promise<void> {
  print(grantLine(await end(id)))
  await forgetProfile(id)
  say(
    (await isRefused(id))
      ? 'AWS has been told to refuse it.'
      : `AWS is being told to refuse it; \`latchkey grants ${plain(id)}\` says when it does.`,
  )
}

/** Who ends a grant does not want to hear that they may ask again. */
async function end(id: string): Promise<GrantAnswer> {
  try {
    return await act('grants', id, 'end', grantAnswer)
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'OVER') throw error
    throw new Problem(`It is over already: ${grantLine(await readGrant(id))}.`, { cause: error })
  }
}

/** Looks for some seconds. */
async function isRefused(id: string): Promise<boolean> {
  const until = performance.now() + REFUSED_WITHIN_MS
  while (performance.now() < until) {
    const { status } = await readGrant(id)
    if (status !== 'revoking') return true
    await pause(LOOK_EVERY_MS)
  }
  return false
}

/** What a grant gives once AWS holds it. */
async function take<S extends z.ZodType>(id: string, what: string, shape: S, body?: object): Promise<z.output<S>> {
  try {
    return await act('grants', id, what, shape, body)
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'CONFLICT') throw error
    const grant = await readGrant(id)
    throw grant.status === 'activating' ? new Problem(notYet(grant), { cause: error }) : error
  }
}

async function listGrants(): Promise<void> {
  const { grants } = await ask('/grants', grantsAnswer)
  for (const one of grants) print(grantLine(one))
  if (grants.length === 0) say(`You have no grants. ${HOW_TO_ASK}`)
}

async function printEnvironment(id: string, { powershell }: { readonly powershell?: true }): Promise<void> {
  const [credentials, { region }] = [await take(id, 'credentials', credentialsAnswer), await readGrant(id)]
  if (process.stdout.isTTY) {
    const how = powershell ? `latchkey env ${id} --powershell | Invoke-Expression` : `eval "$(latchkey env ${id})"`
    say(`These are secrets, and now they are on your screen. Use them without looking: ${how}`)
  }
  for (const line of environmentLines(credentials, region, powershell ? 'powershell' : 'sh')) print(line)
}

async function openConsole(id: string, { print: isPrinted }: { readonly print?: true }): Promise<void> {
  const { url } = await take(id, 'console', consoleAnswer)
  if (isPrinted) return print(url)
  openBrowser(url, () => {
    say('There is no browser to open. Whoever opens this link within fifteen minutes is signed in with your grant:')
    print(url)
  })
}

async function printLink(id: string, { put }: { readonly put?: true }): Promise<void> {
  const { url, expiresAt } = await take(id, 'link', linkAnswer, { method: put ? 'put' : 'get' })
  say(`Whoever has this link can use it until ${expiresAt}, or until the grant is ended:`)
  print(url)
}

function useCommands(program: Command): void {
  program
    .command('profile [grantId]')
    .description(
      'write a profile for the AWS CLI and SDKs, which they get credentials by as long as the grant lasts; without a grant: take away those of grants that are over, and list the others',
    )
    .option('--name <profile>', 'default: latchkey-<grantId>')
    .option('--region <region>', 'default: the region of the bucket')
    .option('--remove', 'take the profile of this grant away')
    .action(profile)
  program
    .command('env <grantId>')
    .description('print the credentials once as environment variables: eval "$(latchkey env <grantId>)"')
    .option('--powershell', 'for PowerShell: latchkey env <grantId> --powershell | Invoke-Expression')
    .action(printEnvironment)
  program
    .command('console <grantId>')
    .description("open AWS's console in the browser, signed in with the grant")
    .option('--print', 'print the link instead; it is a secret')
    .action(openConsole)
  program
    .command('link <grantId>')
    .description('print a link to the one object of a grant, for fifteen minutes at most; it is a secret')
    .option('--put', 'to upload it, as with curl --upload-file; without this, to download it')
    .action(printLink)
}

export function grantCommands(program: Command): void {
  program
    .command('grants [grantId]')
    .description('your grants, the newest first; or that one, which may also be one that you approved')
    .action(showGrants)
  program.command('done <grantId>').description('end a grant now, and take its profile away').action(done)
  program
    .command('credentials <grantId>')
    .description('for `credential_process` in ~/.aws/config: prints the credentials of an active grant as JSON')
    .action(async (id: string) => print(JSON.stringify(await take(id, 'credentials', credentialsAnswer))))
  useCommands(program)
}
