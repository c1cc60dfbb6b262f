import { setTimeout as pause } from 'node:timers/promises'
import type { z } from 'zod'
import {
  consoleAnswer,
  credentialsAnswer,
  type GrantAnswer,
  grantAnswer,
  grantsAnswer,
  linkAnswer,
} from '../../http/api-schemas.ts'
import { environmentLines } from '../aws-profile/environment-lines.ts'
import { plain } from '../plain.ts'
import { Problem, Refusal } from '../problem.ts'
import { print, say } from '../terminal.ts'
import { openBrowser } from './browser.ts'
import { act, ask } from './call-server.ts'
import { grantLine, HOW_TO_ASK, isOver, previewLines } from './describe.ts'
import { forgetProfile, notYet } from './profile.ts'

/** The commands that use, list and end grants. */

export async function showGrants(id: string | undefined): Promise<void> {
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
const POLL_MS = 500

export async function done(id: string): Promise<void> {
  print(grantLine(await end(id)))
  await forgetProfile(id)
  say(
    (await isRefused(id))
      ? 'AWS has been told to refuse it.'
      : `AWS is being told to refuse it; \`latchkey grants ${plain(id)}\` says when it does.`,
  )
}

/** Replaces the sentence for OVER: it says how to ask again, which a person who ends a grant does not want. */
async function end(id: string): Promise<GrantAnswer> {
  try {
    return await act('grants', id, 'end', grantAnswer)
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'OVER') throw error
    throw new Problem(`It is over already: ${grantLine(await readGrant(id))}.`, { cause: error })
  }
}

/** Polls until the grant is no longer `revoking`, for at most `REFUSED_WITHIN_MS`. */
async function isRefused(id: string): Promise<boolean> {
  const until = performance.now() + REFUSED_WITHIN_MS
  while (performance.now() < until) {
    const { status } = await readGrant(id)
    if (status !== 'revoking') return true
    await pause(POLL_MS)
  }
  return false
}

/**
 * Fetches credentials or a link of a grant.
 * @throws Problem when the grant is not active yet
 */
async function fetchFromGrant<S extends z.ZodType>(
  id: string,
  what: string,
  shape: S,
  body?: object,
): Promise<z.output<S>> {
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

export async function printEnvironment(id: string, { powershell }: { readonly powershell?: true }): Promise<void> {
  const [credentials, { region }] = [await fetchFromGrant(id, 'credentials', credentialsAnswer), await readGrant(id)]
  if (process.stdout.isTTY) {
    const how = powershell ? `latchkey env ${id} --powershell | Invoke-Expression` : `eval "$(latchkey env ${id})"`
    say(`These are secrets, and now they are on your screen. Use them without looking: ${how}`)
  }
  for (const line of environmentLines(credentials, region, powershell ? 'powershell' : 'sh')) print(line)
}

export async function openConsole(id: string, { print: isPrinted }: { readonly print?: true }): Promise<void> {
  const { url } = await fetchFromGrant(id, 'console', consoleAnswer)
  if (isPrinted) return print(url)
  openBrowser(url, () => {
    say('There is no browser to open. Whoever opens this link within fifteen minutes is signed in with your grant:')
    print(url)
  })
}

export async function printLink(id: string, { put }: { readonly put?: true }): Promise<void> {
  const { url, expiresAt } = await fetchFromGrant(id, 'link', linkAnswer, { method: put ? 'put' : 'get' })
  say(`Whoever has this link can use it until ${expiresAt}, or until the grant is ended:`)
  print(url)
}

/** Prints the JSON that `credential_process` expects. */
export async function printCredentials(id: string): Promise<void> {
  print(JSON.stringify(await fetchFromGrant(id, 'credentials', credentialsAnswer)))
}
