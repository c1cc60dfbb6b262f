import { exec, spawnSync } from 'node:child_process'
import { userInfo } from 'node:os'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seedTrail } from '../../../sandbox/aws/cloudtrail.ts'
import { auditEvent, byOperator } from '../../../src/audit/events.ts'
import { runHere } from '../../fixtures/cli-here.ts'
import { CLOUDTRAIL_KEY, startWorld, type World } from '../../fixtures/world.ts'

/** `latchkey aws …` and `latchkey check-config` as an operator runs them. The tests are one story, in order. */

let world: World
let said = ''

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world.stop())

async function latchkey(...words: readonly string[]) {
  const ran = await runHere(words, world.operatorEnvironment)
  said += ran.output
  return ran
}

/** In a process of its own, without a terminal. */
async function spawned(...words: readonly string[]) {
  const ran = await world.operate(words)
  said += ran.output
  return ran
}

const WRITES = /^(Put|Create|Update|Delete|Remove|Set)/

function writes(): number {
  return world.aws.journal.entries().filter(({ action }) => WRITES.test(action)).length
}

const hasAwsCli = spawnSync('aws', ['--version'], { stdio: 'ignore' }).status === 0

/** The command as an owner pastes it into a shell. */
function asOwner(command: string): string {
  const { accessKeyId, secretAccessKey } = world.seeded.keys.owner
  const env = { PATH: process.env.PATH, AWS_ENDPOINT_URL: world.aws.url, AWS_DEFAULT_REGION: 'eu-west-1' }
  const keys = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }
  // The sandbox in this process must answer while the command runs, so this process must not block on it.
  return `env ${Object.entries({ ...env, ...keys })
    .map(([name, value]) => `${name}='${value}'`)
    .join(' ')} ${command}`
}

function run(command: string): Promise<{ readonly failed: boolean; readonly out: string }> {
  return new Promise((resolve) => exec(asOwner(command), (error, out) => resolve({ failed: error !== null, out })))
}

describe('an operator', () => {
  test('sees the configuration checked', async () => {
    const output = expect.stringMatching(/buckets: 1,.*\nWarning: the rules name no securityChannel/)
    expect(await spawned('check-config')).toMatchObject({ code: 0, output })
  })

  test('sees the plan first, and that nothing is done without a yes', async () => {
    const before = writes()
    const planned = await spawned('aws', 'setup', '--plan')
    expect(planned).toMatchObject({ code: 0, output: expect.stringMatching(/\+ create +rule +latchkey-s3\n/) })
    expect(planned.output).toMatch(/no trail logs writes to finance-reports/)
    expect(await spawned('aws', 'setup')).toMatchObject({ code: 1, output: expect.stringContaining('--yes') })
    expect(writes()).toBe(before)
  })

  test('sets up and sees an event come through, and again without a change', async () => {
    seedTrail(world.aws.state, ['finance-reports'])
    const made = await latchkey('aws', 'setup', '--yes')
    expect(made).toMatchObject({
      code: 0,
      output: expect.stringMatching(/eu-west-1.*it came[\s\S]*us-east-1.*it came/),
    })
    expect(made.output).toContain('a trail logs what Latchkey needs')
    const before = writes()
    const again = await latchkey('aws', 'setup', '--yes')
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining('Nothing to change.') })
    // The two events of the self-test.
    expect(writes()).toBe(before + 2)
    expect(await latchkey('aws', 'check')).toMatchObject({ code: 0 })
  })

  test('is told which selector is missing, with the command that adds it', async () => {
    const trail = seedTrail(world.aws.state, ['another-bucket'])
    const checked = await latchkey('aws', 'check')
    expect(checked).toMatchObject({ code: 1, output: expect.stringContaining('aws cloudtrail put-event-selectors') })
    const json = /--advanced-event-selectors '(.*)'/.exec(checked.output)?.[1] ?? ''
    trail.selectors = { AdvancedEventSelectors: JSON.parse(json) }
    expect(await latchkey('aws', 'check')).toMatchObject({ code: 0 })
  })

  test('needs two keys to rotate, and a service that takes the new one', async () => {
    expect(await latchkey('aws', 'setup', '--rotate')).toMatchObject({
      code: 1,
      output: expect.stringContaining('two of'),
    })
  })

  test('takes it down, half gone or not', async () => {
    expect(await latchkey('aws', 'teardown', '--plan')).toMatchObject({
      code: 0,
      output: expect.stringMatching(/- delete +queue/),
    })
    world.aws.faults.fail({ action: 'DeleteConnection' }, { code: 'AccessDenied', status: 403 })
    expect(await latchkey('aws', 'teardown', '--yes')).toMatchObject({
      code: 1,
      output: expect.stringContaining('AccessDenied'),
    })
    expect(await latchkey('aws', 'teardown', '--yes')).toMatchObject({ code: 0 })
    expect(await latchkey('aws', 'teardown', '--yes')).toMatchObject({
      code: 0,
      output: expect.stringContaining('Nothing to change.'),
    })
    expect(await latchkey('aws', 'check')).toMatchObject({ code: 1, output: expect.stringContaining('is missing') })
  })

  test('is on record with each region, whenever it was set up and taken down', async () => {
    const redis = new Redis(world.redis.url)
    const entries = await redis.xrange('{latchkey}:audit', '-', '+')
    redis.disconnect()
    const events = entries.map(([, [, text = '']]) => auditEvent.parse(JSON.parse(text)))
    const regions = ['eu-west-1', 'us-east-1'].map((region) => ({ account: '111122223333', region }))
    const actor = byOperator(userInfo().username)
    const ofKind = (kind: string) => events.filter((event) => event.kind === kind).map(({ kind: _, ...rest }) => rest)
    const each = regions.map((where) => ({ actor, ...where }))
    expect(ofKind('wiring.set-up')).toEqual([...each, ...each])
    expect(ofKind('wiring.taken-down').slice(0, 2)).toEqual([each[0], each[0]])
    expect(ofKind('wiring.taken-down')).toContainEqual(each[1])
  })

  test('reads no key, and no line of a table that is wider than a terminal', () => {
    expect(said).not.toContain(CLOUDTRAIL_KEY)
    const wide = said.split('\n').filter((line) => line.length > 80 && /^ +[=+~✓✗?-] /.test(line))
    expect(wide).toEqual([])
  })
})

describe.skipIf(!hasAwsCli)('the AWS CLI (needs aws on the PATH)', () => {
  test('runs the command that adds a selector, and reads back what was made', async () => {
    // A queue's name is free one minute after the teardown above.
    world.aws.clock.advance(61_000)
    seedTrail(world.aws.state, ['another-bucket'])
    const { output } = await latchkey('aws', 'setup', '--yes')
    const command = /^ +(aws cloudtrail [^\\]*)\\\n +(--advanced.*)$/m.exec(output)
    expect(await run(`${command?.[1]} ${command?.[2]}`)).toMatchObject({ failed: false })
    expect(await latchkey('aws', 'check')).toMatchObject({ code: 0 })
    const { out } = await run('aws events list-targets-by-rule --rule latchkey-s3')
    expect(JSON.parse(out)).toMatchObject({ Targets: [{ Id: 'latchkey', RetryPolicy: { MaximumRetryAttempts: 185 } }] })
    // This CLI reads no SQS endpoint from the environment.
    const sqs = `aws sqs --endpoint-url ${world.aws.url}`
    const { out: url } = await run(`${sqs} get-queue-url --queue-name latchkey-dead-letters --output text`)
    const { out: queue } = await run(`${sqs} get-queue-attributes --queue-url ${url.trim()} --attribute-names All`)
    expect(JSON.parse(queue)).toMatchObject({ Attributes: { MessageRetentionPeriod: '1209600' } })
    const { out: connection } = await run('aws events describe-connection --name latchkey')
    expect(connection).toContain('AUTHORIZED')
    expect(connection).not.toContain(CLOUDTRAIL_KEY)
  })
})
