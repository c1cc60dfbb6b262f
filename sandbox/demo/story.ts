import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { World } from '../../test/fixtures/world.ts'
import { PEOPLE } from '../entra/fixture.ts'
import { findButton } from '../teams/cards.ts'
import type { ShownMessage } from '../teams/client.ts'
import { inTime, seeMessage, wordsOf } from './rooms.ts'
import { openTerminal, type Ran, type Terminal } from './terminal.ts'

/** Reports one step of the story and what was seen. */
export type Say = (step: string, seen: string) => void

interface Cast {
  readonly world: World
  readonly rita: Terminal
  readonly folder: string
  /** Writes an object: with the real AWS CLI, or with the SDK where there is none. */
  readonly copy: Copy
  readonly say: Say
}

/** Copies a file with one of two profiles. `month-end` gets its credentials from `latchkey credentials`; `kept` has credentials vended before the end. */
type Copy = (profile: 'month-end' | 'kept', uri: string) => Promise<Ran>

const PREFIX = 's3://finance-reports/2026/'
const OUTSIDE = 's3://finance-reports/2025/'
const LOOK_EVERY_MS = 250

/** Plays one request from end to end: Rita in a Teams channel and at her terminal, Max in Teams. @throws at the first step that fails */
export async function tellStory(world: World, folder: string, say: Say): Promise<void> {
  const rita = await openTerminal(world, 'rita', folder)
  await writeFile(join(folder, 'report.csv'), 'month,total\n2026-10,41\n')
  const copy = await chooseCopy(rita, folder, say)
  const cast: Cast = { world, rita, folder, copy, say }
  await Promise.all([rita.login(), world.teams.open('rita', 'channel'), world.teams.open('max')])
  say('signed in', 'Rita with `latchkey login` (Entra, code and PKCE); Rita and Max look at Teams')
  const requestId = await ask(cast)
  await openMail(cast, requestId)
  const grantId = await approve(cast, requestId)
  await work(cast, grantId)
  await end(cast, grantId)
}

async function chooseCopy(rita: Terminal, folder: string, say: Say): Promise<Copy> {
  const file = join(folder, 'report.csv')
  const { code, stdout, stderr } = await rita.aws('--version')
  if (code === 0) {
    say('tool', `${(stdout || stderr).trim().split(' ')[0]}, the real AWS CLI`)
    return (profile, uri) => rita.aws('s3', 'cp', file, uri, '--profile', profile)
  }
  say('tool', 'there is no AWS CLI on this machine: the AWS SDK for JavaScript plays its part')
  return (profile, uri) => rita.sdkCopy(file, uri, profile)
}

async function ask({ world, say }: Cast): Promise<string> {
  const { teams } = world
  await teams.say('rita', `request write ${OUTSIDE} for 1m because the wrong year`, { where: 'channel' })
  say('refused, in the thread', wordsOf(await seeMessage(world, 'rita', 'channel', ['to see what you may ask for'])))
  await teams.say('rita', `request write ${PREFIX} for 1m because month-end fix`, { where: 'channel' })
  const shown = await seeMessage(world, 'rita', 'channel', [PREFIX, 'month-end fix'])
  say('asked', wordsOf(shown))
  demand(wordsOf(shown).includes('Max Mertens'), 'her manager was found', wordsOf(shown))
  say('manager found', 'Max Mertens')
  const card = await seeMessage(world, 'max', 'personal', [PREFIX, 'Rita Reyes'])
  say('card in the manager’s chat', wordsOf(card))
  const { requestId, data } = dataOf(card)
  const self = await teams.invoke('rita', shown.id, { verb: 'approve', data: { ...data, comment: 'me' } })
  demand(self.kind === 'error', 'nobody approves their own request', JSON.stringify(self))
  say('self-approval refused', self.kind === 'error' ? self.message : '')
  return requestId
}

/** Opening a link decides nothing, because mail scanners open every link. */
async function openMail({ world, say }: Cast, requestId: string): Promise<void> {
  const mail = await inTime(world.entra.waitForMail(PEOPLE.max), 'mail in the mailbox of Max')
  say('mail in the manager’s mailbox', mail.subject)
  const link = /href="([^"]+\/requests\/[^"]+)"/.exec(mail.html)?.[1] ?? ''
  const { status } = await fetch(link, { redirect: 'manual' })
  const after = (await world.call('max', `/requests/${requestId}`)).body.status
  demand(status === 302 && after === 'pending', 'a link that was only opened decides nothing', `${status} ${after}`)
  say('its link, opened by nobody in particular', `${status}: sign in first; the request is still ${after}`)
}

async function approve({ world, say }: Cast, requestId: string): Promise<string> {
  const { teams } = world
  const card = await seeMessage(world, 'max', 'personal', [PREFIX, 'Rita Reyes'])
  const clicked = await teams.click('max', card.id, 'approve', { comment: 'fine, today only' })
  demand(clicked.kind === 'card', 'the manager approves', JSON.stringify(clicked))
  say('approved', wordsOf(await seeMessage(world, 'max', 'personal', ['fine, today only'])))
  const { data } = dataOf(card)
  const again = await teams.invoke('max', card.id, { verb: 'deny', data: { ...data, comment: 'changed my mind' } })
  demand(JSON.stringify(again).includes('already approved by Max Mertens'), 'one decision', JSON.stringify(again))
  const { body } = await world.call('rita', `/requests/${requestId}`)
  demand(body.status === 'approved', 'one decision', JSON.stringify(body))
  say('second click, to deny it', `told who had approved it, and when; the request is still ${body.status}`)
  const grantId = body.grantId ?? ''
  await waitFor(
    () => showGrant(world, grantId),
    (grant) => grant.status === 'active',
  )
  say('granted, told in the thread', wordsOf(await seeMessage(world, 'rita', 'channel', [grantId])))
  return grantId
}

async function work({ world, rita, copy, say }: Cast, grantId: string): Promise<void> {
  await rita.addProfile('month-end', grantId)
  const inside = await copy('month-end', PREFIX)
  expect(inside.code === 0, 'a copy inside the prefix succeeds', inside)
  say(`aws s3 cp report.csv ${PREFIX}`, lastLine(inside))
  const outside = await copy('month-end', OUTSIDE)
  expect(outside.code !== 0 && outside.stderr.includes('AccessDenied'), 'a copy outside it is refused', outside)
  say(`aws s3 cp report.csv ${OUTSIDE}`, lastLine(outside))
  const record = await world.aws.events.waitForRecord(({ detail }) => {
    const { eventName, userIdentity, errorCode } = detail
    return eventName === 'PutObject' && errorCode === undefined && JSON.stringify(userIdentity).includes(grantId)
  }, AbortSignal.timeout(10_000))
  say('CloudTrail recorded', `${record.detail.eventName} ${JSON.stringify(record.detail.requestParameters)}`)
  await waitFor(
    () => showGrant(world, grantId),
    ({ writes }) => (writes?.counts.written ?? 0) > 0 && (writes?.counts.denied ?? 0) > 0,
  )
  const live = await seeMessage(world, 'rita', 'channel', [grantId, 'report.csv'])
  demand(live.edited, 'the live card is edited in place', wordsOf(live))
  say('the write is on the card in the thread', wordsOf(live))
  await rita.keepCredentials('kept', grantId)
  const kept = await copy('kept', PREFIX)
  expect(kept.code === 0, 'credentials that were kept work until the end', kept)
}

async function end({ world, copy, say }: Cast, grantId: string): Promise<void> {
  const { endsAt } = await showGrant(world, grantId)
  say('waiting', `for the end, ${endsAt}`)
  await waitFor(
    async () => world.aws.clock.now(),
    (nowMs) => nowMs >= Date.parse(endsAt ?? ''),
  )
  const after = await copy('kept', PREFIX)
  expect(after.stderr.includes('AccessDenied'), 'kept credentials are refused by AWS after the end', after)
  say('the same command after the end, kept credentials', lastLine(after))
  const vended = await copy('month-end', PREFIX)
  expect(vended.code !== 0, 'nothing is vended after the end', vended)
  say('the same command after the end, fresh credentials', lastLine(vended))
  await waitFor(
    () => showGrant(world, grantId),
    ({ status }) => status === 'expired',
  )
  say(
    'summary in the thread',
    wordsOf(await seeMessage(world, 'rita', 'channel', ['expired on time', 'month-end fix'])),
  )
}

async function showGrant(world: World, grantId: string) {
  const { status, endsAt, writes } = (await world.call('rita', `/grants/${grantId}`)).body
  return { status, endsAt, writes }
}

async function waitFor<T>(read: () => Promise<T>, fits: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await read()
    if (fits(seen)) return seen
    await delay(LOOK_EVERY_MS)
  }
}

function lastLine({ stdout, stderr }: Ran): string {
  return `${stdout}${stderr}`.replaceAll('\r', '\n').trim().split('\n').at(-1) ?? ''
}

function expect(holds: boolean, what: string, { code, stdout, stderr }: Ran): void {
  if (!holds) throw new Error(`Not so: ${what}. Exit ${code}.\n${stdout}\n${stderr}`)
}

/** The data that the card sends with a click. */
function dataOf({ card }: ShownMessage): { readonly requestId: string; readonly data: object } {
  const { action } = findButton(card ?? {}, 'approve')
  const data = z.looseObject({ requestId: z.string() }).parse(action.data)
  return { requestId: data.requestId, data }
}

function demand(holds: boolean, what: string, seen: string): void {
  if (!holds) throw new Error(`Not so: ${what}.\n${seen}`)
}
