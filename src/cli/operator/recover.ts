import { userInfo } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { byOperator } from '../../audit/events.ts'
import { awsDriver } from '../../aws/driver.ts'
import { enterEnvironment, partEnvironment } from '../../config/environment.ts'
import { openLog } from '../../config/log.ts'
import { readSetup } from '../../config.ts'
import { LatchkeyError } from '../../errors.ts'
import { readyAt, renewEpoch, waitingAccounts, waitingRoles } from '../../grants/recovery/epoch.ts'
import { connect, untilReady } from '../../redis/connections.ts'
import { redisRecord } from '../../redis/redis-record-store.ts'
import { agree } from '../person/confirm.ts'
import { Problem } from '../problem.ts'
import { orProblem, silenceSdk } from './environment.ts'

const WHAT_IT_DOES = `Do this after Redis was put back from a copy. Before anything is granted or vended again:
- every session that was issued until now is refused, in every account; whoever has a live grant gets new credentials;
- every policy latchkey.* on people's own roles and users is taken away, and those grants end;
- what was denied stays denied.
`
const POLL_MS = 1_000

export interface RecoverOptions {
  readonly yes?: boolean
  /** How long to wait for the workers, in seconds. */
  readonly wait: string
}

type RecoverDeps = Parameters<typeof waitingAccounts>[0] & Parameters<typeof waitingRoles>[0]

/** Runs where the workers run, with their environment. */
export async function recover({ yes = false, wait }: RecoverOptions): Promise<void> {
  const waitMs = parseSeconds(wait) * 1_000
  silenceSdk()
  enterEnvironment(partEnvironment(process.env, 'workers'))
  const { config, rules } = orProblem(() => readSetup(process.env, 'workers'))
  say(WHAT_IT_DOES)
  if (!yes) await agree('Go on?')
  const log = openLog({ ...config, logLevel: 'silent' }, 'recover')
  const redis = connect(config.redisUrl, 'request', log)
  try {
    if (!(await untilReady(redis, 5_000)))
      throw new Problem('Redis does not answer. Check REDIS_URL, and that it runs.')
    const driver = awsDriver({ ...rules, part: 'workers', log })
    const deps = { record: redisRecord(redis), approvalKey: config.approvalKey, rules, driver }
    await renewEpoch(deps, byOperator(userInfo().username))
    say('There is a new epoch: nothing is granted or vended until the workers have been through.')
    await waitForWorkers(deps, waitMs)
  } finally {
    redis.disconnect()
  }
}

function parseSeconds(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text)
  throw new Problem('Give --wait as whole seconds, like 180.')
}

async function waitForWorkers(deps: RecoverDeps, waitMs: number): Promise<void> {
  const all = [...deps.rules.accounts.keys()]
  const giveUpAt = performance.now() + waitMs
  let lastWaiting = all.length
  for (;;) {
    const waiting = await waitingAccounts(deps)
    if (waiting.length < lastWaiting) say(`${all.length - waiting.length} of ${all.length} accounts are safe.`)
    lastWaiting = waiting.length
    const unsafe = waiting.length > 0 ? notSafeYet(waiting, all.length) : await findUnsafe(deps)
    if (unsafe === undefined) return say(doneLine(await readyAt(deps)))
    if (performance.now() >= giveUpAt) throw new Problem(unsafe)
    await delay(POLL_MS)
  }
}

/**
 * A sentence about roles whose old sessions are not refused yet. Undefined: all are refused. The record may not know
 * roles that the rules no longer name, so AWS is asked; when AWS does not answer, the account does not count as safe.
 */
async function findUnsafe(deps: RecoverDeps): Promise<string | undefined> {
  try {
    const roles = await waitingRoles(deps)
    return roles.length > 0 ? oldSessions(roles) : undefined
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    return `${error.message} So nobody knows whether every session from before is refused; the workers go on by themselves.`
  }
}

/**
 * @param atMs When grants start again, in ms since 1970. Sessions that were issued before it are refused, so none is
 * issued until then.
 */
function doneLine(atMs: number | undefined): string {
  if (atMs === undefined) return 'Done: Latchkey grants and vends again.'
  const at = new Date(atMs).toISOString().slice(11, 19)
  return `Done: every account is safe. Grants start and live sessions are vended again from ${at} UTC.`
}

/** The workers continue by themselves, so the operator does not repeat the command. */
function notSafeYet(waiting: readonly string[], all: number): string {
  const which = `Nothing is granted in ${waiting.join(', ')} until the workers have been there`
  const why = waiting.length === all ? 'Are the workers running? Start them' : 'Their log says why AWS did not let them'
  return `${which}. ${why}; they go on by themselves.`
}

function oldSessions(roles: readonly string[]): string {
  return `Sessions from before are not refused yet on ${roles.join(', ')}, which the rules name no more. The workers' log says why; delete a role that is no longer needed.`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
