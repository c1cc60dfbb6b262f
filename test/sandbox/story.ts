import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { openTerminal, type Ran, type Terminal } from './terminal.ts'
import type { World } from './world.ts'

/** One step of the story as it was seen. */
export type Say = (step: string, seen: string) => void

interface Cast {
  readonly world: World
  readonly rita: Terminal
  readonly max: Terminal
  readonly folder: string
  /** How objects are written: the real AWS CLI where there is one. */
  readonly copy: Copy
  readonly say: Say
}

/** `month-end` gets its credentials from `latchkey credentials`; `kept` holds what was vended before the end. */
type Copy = (profile: 'month-end' | 'kept', uri: string) => Promise<Ran>

const PREFIX = 's3://finance-reports/2026/'
const OUTSIDE = 's3://finance-reports/2025/'
const LOOK_EVERY_MS = 250

/** The main job, end to end. @throws at the first step that is not as it should be. */
export async function tellStory(world: World, folder: string, say: Say): Promise<void> {
  const rita = await openTerminal(world, 'rita', folder)
  const max = await openTerminal(world, 'max', folder)
  await writeFile(join(folder, 'report.csv'), 'month,total\n2026-10,41\n')
  const copy = await chooseCopy(rita, folder, say)
  const cast: Cast = { world, rita, max, folder, copy, say }
  await Promise.all([rita.login(), max.login()])
  say('signed in', 'Rita and Max, each with `latchkey login` (Entra, code and PKCE)')
  const requestId = await ask(cast)
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

async function ask({ rita, max, say }: Cast): Promise<string> {
  const refused = await rita.latchkey('request', 'write', OUTSIDE, '--for', '1m', '--because', 'the wrong year')
  expect(
    refused.code === 1 && refused.stderr.includes('You may ask for'),
    'an ask outside the rules is refused',
    refused,
  )
  say('refused', refused.stderr.trim())
  const asked = await rita.latchkey('request', 'write', PREFIX, '--for', '1m', '--because', 'month-end fix')
  const requestId = /r-\w{12}/.exec(asked.stdout)?.[0] ?? ''
  expect(asked.code === 0 && requestId !== '', 'the ask is taken', asked)
  say('asked', asked.stdout.trim())
  expect(asked.stderr.includes('Max Mertens'), 'her manager was found', asked)
  say('manager found', asked.stderr.trim())
  const self = await rita.latchkey('approve', requestId)
  expect(self.code === 1, 'nobody approves their own request', self)
  say('self-approval refused', self.stderr.trim())
  const listed = await max.latchkey('requests', '--to-review')
  expect(listed.stdout.includes(requestId), 'the request waits for the manager', listed)
  say('waits for the manager', listed.stdout.trim())
  return requestId
}

async function approve({ world, rita, max, say }: Cast, requestId: string): Promise<string> {
  const approved = await max.latchkey('approve', requestId, '--comment', 'fine, today only')
  const grantId = /g-\w{12}/.exec(approved.stdout)?.[0] ?? ''
  expect(approved.code === 0 && grantId !== '', 'the manager approves', approved)
  say('approved', approved.stdout.trim())
  const again = await max.latchkey('deny', requestId, '--comment', 'changed my mind')
  expect(again.code === 1 && again.stderr.includes('already approved by Max Mertens'), 'one decision', again)
  say('second click', again.stderr.trim())
  await waitFor(
    () => showGrant(world, grantId),
    (grant) => grant.status === 'active',
  )
  say('granted', (await rita.latchkey('grants')).stdout.trim())
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
  const watched = await rita.latchkey('grants')
  expect(watched.stdout.includes(`${PREFIX}report.csv`), 'the write is on the grant', watched)
  say('the write is on the grant', watched.stdout.trim())
  await rita.keepCredentials('kept', grantId)
  const kept = await copy('kept', PREFIX)
  expect(kept.code === 0, 'credentials that were kept work until the end', kept)
}

async function end({ world, rita, copy, say }: Cast, grantId: string): Promise<void> {
  const { endsAt } = await showGrant(world, grantId)
  say('waiting', `for the end, ${endsAt}`)
  await waitFor(
    () => copy('kept', PREFIX),
    ({ code }) => code !== 0,
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
  say('summary', (await rita.latchkey('grants')).stdout.trim())
}

async function showGrant(world: World, grantId: string) {
  const { status, endsAt, writes } = (await world.call('rita', `/grants/${grantId}`)).body
  return { status, endsAt, writes }
}

async function waitFor<T>(look: () => Promise<T>, fits: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look()
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
