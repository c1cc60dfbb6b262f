import {
  DeleteRuleCommand,
  DescribeConnectionCommand,
  DisableRuleCommand,
  ListTagsForResourceCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  UpdateApiDestinationCommand,
  UpdateConnectionCommand,
} from '@aws-sdk/client-eventbridge'
import {
  DeleteRolePolicyCommand,
  GetRoleCommand,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { ReceiveMessageCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Matcher } from '../../../sandbox/aws/faults.ts'
import { byOperator } from '../../../src/audit/events.ts'
import { feedDriftCheck } from '../../../src/aws/feed/check-drift.ts'
import { isUnwired, readWiring, sayDifference } from '../../../src/aws/feed/compare-feed.ts'
import { readDeadLetters } from '../../../src/aws/feed/dead-letters.ts'
import { keyFingerprint } from '../../../src/aws/feed/desired-state.ts'
import { putRule } from '../../../src/aws/feed/event-rule.ts'
import { testWiring } from '../../../src/aws/feed/self-test.ts'
import { planOf } from '../../../src/aws/feed/setup.ts'
import { checkKeyAccepted } from '../../../src/cli/operator/check-feed-key.ts'
import { listWiredRegions, noteSetUp, noteTakenDown } from '../../../src/oversight/feed-regions.ts'
import { recentAudit } from '../../../src/redis/recent-audit.ts'
import { checkFeedDrift } from '../../../workers/watch-feed.ts'
import { KEYS } from '../../fixtures/cloudtrail.ts'
import { enter, openWires, type Wires } from '../../fixtures/feed.ts'
import { eventOf, until } from '../../fixtures/redis-record.ts'
import { someEvent } from '../../unit/oversight/a-record.ts'

let wires: Wires

beforeEach(async () => {
  wires = await openWires('wiring')
})

afterEach(() => wires.close())

const QUEUE = 'https://sqs.eu-west-1.amazonaws.com/111122223333/latchkey-dead-letters'

async function plan() {
  return planOf({ desired: await wires.wanted(), rotate: false }, await readWiring(wires.desk))
}

describe('setup', () => {
  test('makes every part, and nothing when it is done again', async () => {
    expect((await plan()).every(({ act }) => act === 'create')).toBe(true)
    wires.writes()
    await plan()
    expect(wires.writes()).toEqual([])
    const done = await wires.setup()
    expect(done.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'connection latchkey',
      'API destination latchkey',
      'role latchkey-events-invoke',
      'queue latchkey-dead-letters',
      'rule latchkey-s3',
      'rule latchkey-sessions',
      'rule latchkey-assume-role',
      'rule latchkey-self-test',
    ])
    expect(await wires.drift()).toEqual([])
    wires.writes()
    expect(await wires.setup()).toEqual([])
    expect(wires.writes()).toEqual([])
  })

  test('what changes policies is seen in the one region that has IAM’s records', async () => {
    const [, ofIam] = wires.places
    expect(ofIam?.region).toBe('us-east-1')
    await wires.setup({ ...(ofIam && { place: ofIam }) })
    const { rules } = await readWiring(wires.desks(ofIam ?? wires.place))
    expect(rules.map(({ name }) => name)).toContain('latchkey-policies')
    expect(rules.map(({ name }) => name)).not.toContain('latchkey-s3')
  })

  test('everything made carries our name and a tag', async () => {
    await wires.setup()
    const ResourceARN = 'arn:aws:events:eu-west-1:111122223333:rule/latchkey-s3'
    const { Tags } = await wires.desk.events.send(new ListTagsForResourceCommand({ ResourceARN }))
    expect(Tags).toEqual([{ Key: 'latchkey:made-by', Value: 'latchkey aws setup' }])
    const { Role } = await wires.desk.iam.send(new GetRoleCommand({ RoleName: 'latchkey-events-invoke' }))
    const trust = decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')
    expect(trust).toContain('"aws:SourceAccount":"111122223333"')
    expect([...wires.aws.state.queues.values()].map(({ tags }) => Object.fromEntries(tags))).toEqual([
      { 'latchkey:made-by': 'latchkey aws setup' },
    ])
  })

  const steps: readonly Matcher[] = [
    { action: 'CreateConnection' },
    { action: 'CreateApiDestination' },
    { action: 'CreateRole' },
    { action: 'PutRolePolicy' },
    { action: 'CreateQueue' },
    { action: 'PutRule', parameters: { Name: 'latchkey-sessions' } },
    { action: 'PutTargets', parameters: { Rule: 'latchkey-sessions' } },
  ]
  test.each(steps)('stopped at $action, it goes on where it stopped', async (step) => {
    wires.aws.faults.fail(step, { code: 'AccessDenied', status: 403 })
    await expect(wires.setup()).rejects.toMatchObject({ code: 'AWS_REFUSED' })
    expect(await wires.drift()).not.toEqual([])
    await wires.setup()
    expect(await wires.drift()).toEqual([])
  })

  test.each(steps)('an answer of $action that is lost changes nothing about the outcome', async (step) => {
    wires.aws.faults.loseReply(step)
    await wires.setup()
    expect(await wires.drift()).toEqual([])
  })

  test('a target that EventBridge counts as failed, though it answers 200, is no success', async () => {
    await wires.setup()
    const { rules } = await wires.wanted()
    const [wanted] = rules
    if (wanted === undefined) throw new Error('There is a rule.')
    const destinationArn = 'arn:aws:events:eu-west-1:111122223333:api-destination/none/0'
    const put = putRule(wires.desk, { desired: wanted, existing: undefined, feedRegion: wires.place, destinationArn })
    await expect(put).rejects.toMatchObject({
      code: 'AWS_REFUSED',
      facts: { awsCode: 'ResourceNotFoundException' },
    })
  })
})

describe('what somebody changes by hand', () => {
  const s3Rule = { Name: 'latchkey-s3', EventPattern: '{"source":["aws.ec2"]}' }
  const hands: readonly (readonly [string, string, () => Promise<unknown>])[] = [
    [
      'a rule switched off',
      'rule latchkey-s3 looks for something else, is DISABLED',
      () => events(new PutRuleCommand({ ...s3Rule, State: 'DISABLED' })),
    ],
    [
      'a target taken',
      'rule latchkey-self-test has no target',
      () => events(new RemoveTargetsCommand({ Rule: 'latchkey-self-test', Ids: ['latchkey'] })),
    ],
    ['a rule deleted', 'rule latchkey-sessions is missing', deleteSessions],
    [
      'an endpoint moved',
      'API destination latchkey leads to POST https://example.com/',
      () => events(new UpdateApiDestinationCommand({ Name: 'latchkey', InvocationEndpoint: 'https://example.com/' })),
    ],
    [
      'a key replaced',
      'connection latchkey sends another key than the first of CLOUDTRAIL_KEYS for this account',
      () => events(new UpdateConnectionCommand({ Name: 'latchkey', Description: 'mine' })),
    ],
    [
      'the right to invoke taken',
      'role latchkey-events-invoke has not the right to invoke our API destinations, and only that',
      () =>
        wires.desk.iam.send(new DeleteRolePolicyCommand({ RoleName: 'latchkey-events-invoke', PolicyName: 'invoke' })),
    ],
    [
      'the queue opened',
      'queue latchkey-dead-letters does not take messages of our rules, and only theirs',
      () => wires.desk.sqs.send(new SetQueueAttributesCommand({ QueueUrl: QUEUE, Attributes: { Policy: '' } })),
    ],
    ['another target beside ours', 'rule latchkey-s3 has another target, spy', addTarget],
  ]

  function events(
    command: PutRuleCommand | RemoveTargetsCommand | UpdateApiDestinationCommand | UpdateConnectionCommand,
  ): Promise<unknown> {
    if (command instanceof PutRuleCommand) return wires.desk.events.send(command)
    if (command instanceof RemoveTargetsCommand) return wires.desk.events.send(command)
    if (command instanceof UpdateApiDestinationCommand) return wires.desk.events.send(command)
    return wires.desk.events.send(command)
  }

  async function deleteSessions() {
    await events(new RemoveTargetsCommand({ Rule: 'latchkey-sessions', Ids: ['latchkey'] }))
    await wires.desk.events.send(new DeleteRuleCommand({ Name: 'latchkey-sessions' }))
  }

  async function addTarget() {
    const { destination } = await readWiring(wires.desk)
    const RoleArn = 'arn:aws:iam::111122223333:role/latchkey-events-invoke'
    const Targets = [{ Id: 'spy', Arn: destination?.arn ?? '', RoleArn }]
    await wires.desk.events.send(new PutTargetsCommand({ Rule: 'latchkey-s3', Targets }))
  }

  test.each(hands)('%s is told, and mended', async (_, says, act) => {
    await wires.setup()
    await act()
    expect((await wires.drift()).map(sayDifference)).toEqual([says])
    await wires.setup()
    expect(await wires.drift()).toEqual([])
  })

  test('somebody else who is let into an elevation role is a difference too', async () => {
    await wires.setup()
    const before = wires.seeded.roles[0]?.trustPolicy ?? ''
    const PolicyDocument = before.replaceAll(
      'user/latchkey-web"',
      'user/latchkey-web","arn:aws:iam::111122223333:user/everyday"',
    )
    await wires.desk.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: 'prod', PolicyDocument }))
    expect((await wires.drift()).map(({ name }) => name)).toEqual(['latchkey-assume-role'])
  })

  test('a rule for what the rules file names no more goes', async () => {
    await wires.setup()
    await wires.desk.events.send(new PutRuleCommand({ Name: 'latchkey-s3-2', EventPattern: '{"source":["aws.s3"]}' }))
    expect((await wires.drift()).map(({ act, name }) => `${act} ${name}`)).toEqual(['delete latchkey-s3-2'])
    await wires.setup()
    expect(await wires.drift()).toEqual([])
  })
})

describe('while a grant is live', () => {
  async function turn(told: Map<string, string>): Promise<readonly unknown[]> {
    const { record, here } = wires.feed
    const { endpoint } = await wires.wanted()
    const publicUrl = new URL(endpoint).origin
    const look = feedDriftCheck({ rules: wires.rules, publicUrl, region: 'eu-west-1', record, log: here.log })
    await checkFeedDrift({ record, look, log: here.log }, told)
    const events = await recentAudit(wires.feed.redis, 100, here.prefix)
    return events.filter(({ kind }) => kind === 'alarm.wiring-drift')
  }

  test('what is no longer as it was set up is an alarm, once; nobody is told of what was never set up', async () => {
    const told = new Map<string, string>()
    const live = { kind: 'live', value: 'grants', id: 'g-0123456789ab', at: Date.now() }
    for (const place of wires.places) await wires.setup({ place })
    await wires.desk.events.send(new DisableRuleCommand({ Name: 'latchkey-s3' }))
    expect(await turn(told)).toEqual([])
    await wires.feed.record.commit({ records: [], indexes: [live], audit: [eventOf()] })
    const differences = ['rule latchkey-s3 is DISABLED']
    const alarm = { account: '111122223333', region: 'eu-west-1', differences }
    expect(await turn(told)).toMatchObject([alarm])
    expect(await turn(told)).toMatchObject([alarm])
    await wires.teardown()
    expect(await turn(told)).toHaveLength(2)
    await noteSetUp(wires.feed.record, wires.place, byOperator('ops'))
    expect(await turn(new Map())).toHaveLength(4)
  })

  test('whoever set it up or took it down is on record, in the write that makes it watched or not', async () => {
    const { record, redis, here } = wires.feed
    const operator = byOperator('ops')
    await noteSetUp(record, wires.place, operator)
    expect([...(await listWiredRegions(record))]).toEqual(['111122223333/eu-west-1'])
    await noteTakenDown(record, wires.place, operator)
    expect([...(await listWiredRegions(record))]).toEqual([])
    const where = { actor: operator, account: '111122223333', region: 'eu-west-1' }
    expect(await recentAudit(redis, 100, here.prefix)).toMatchObject([
      { kind: 'wiring.taken-down', ...where },
      { kind: 'wiring.set-up', ...where },
    ])
  })

  test('the workers’ own rights are enough for it, and the key is not among what they see', async () => {
    for (const place of wires.places) await wires.setup({ place })
    enter(wires.aws, wires.seeded.keys.workers)
    const live = { kind: 'live', value: 'grants', id: 'g-0123456789ab', at: Date.now() }
    await wires.feed.record.commit({ records: [], indexes: [live], audit: [eventOf()] })
    expect(await turn(new Map())).toEqual([])
  })
})

describe('keys', () => {
  test('the connection gets the new key, and no record is lost on the way', async () => {
    await wires.setup({ key: KEYS.previous })
    const connection = async () => (await readWiring(wires.desk)).connection?.description
    expect(await connection()).toContain(keyFingerprint(KEYS.previous))
    wires.aws.events.pause()
    await write('finance-reports', 'during')
    await wires.setup()
    wires.aws.events.resume()
    await wires.aws.events.idle()
    expect(await connection()).toContain(keyFingerprint(KEYS.current))
    expect(wires.aws.events.attempts().map(({ status }) => status)).toEqual([202])
    expect(await wires.setup({ rotate: true })).toMatchObject([{ kind: 'connection', act: 'update' }])
  })

  test('AWS is given no key that the service does not take yet', async () => {
    const { endpoint } = await wires.wanted()
    await expect(checkKeyAccepted(endpoint, 'ff'.repeat(32))).rejects.toThrow('does not take the first key')
    await checkKeyAccepted(endpoint, KEYS.current)
  })

  test('a key is in nothing that AWS shows and in nothing that is said', async () => {
    const done = await wires.setup()
    const shown = await wires.desk.events.send(new DescribeConnectionCommand({ Name: 'latchkey' }))
    const said = JSON.stringify([done, shown, await readWiring(wires.desk), await wires.wanted(), await plan()])
    expect(said).not.toContain(KEYS.current)
  })
})

describe('teardown', () => {
  test('takes down what setup made, of the half too, and nothing else', async () => {
    await wires.desk.events.send(
      new PutRuleCommand({ Name: 'latchkey-of-somebody', EventPattern: '{"source":["aws.s3"]}' }),
    )
    await wires.setup()
    wires.aws.faults.fail({ action: 'DeleteApiDestination' }, { code: 'AccessDenied', status: 403 })
    await expect(wires.teardown()).rejects.toMatchObject({ code: 'AWS_REFUSED' })
    await wires.teardown()
    const found = await readWiring(wires.desk)
    expect(found).toEqual({
      connection: undefined,
      destination: undefined,
      invokeRole: undefined,
      deadLetters: undefined,
      rules: [],
    })
    expect(isUnwired(found)).toBe(true)
    expect(await wires.teardown()).toEqual([])
    const left = wires.aws.journal.entries().filter(({ action }) => action === 'DeleteRule')
    expect(left.map(({ parameters }) => parameters.Name)).not.toContain('latchkey-of-somebody')
  })

  test('a queue of the same name is taken a minute later', async () => {
    await wires.setup()
    await wires.teardown()
    await expect(wires.setup()).rejects.toMatchObject({
      facts: { awsCode: 'QueueDeletedRecently' },
      message: expect.stringMatching(/60 seconds after it was deleted: run the same command again then\.$/),
    })
    wires.aws.clock.advance(61_000)
    await wires.setup()
    expect(await wires.drift()).toEqual([])
  })
})

async function write(Bucket: string, Key: string): Promise<void> {
  const s3 = new S3Client({ forcePathStyle: true })
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'body' }))
  s3.destroy()
}

async function names(): Promise<readonly unknown[]> {
  await wires.aws.events.idle()
  return (await wires.feed.unexplained()).map(({ name }) => name)
}

describe('what comes through', () => {
  test('the event of the self-test, and never a record in its clothes', async () => {
    await wires.setup()
    const hasArrived = (nonce: string) => wires.feed.proofs.hasArrived(nonce)
    expect(await testWiring(wires.desk, { hasArrived, waitMs: 20_000 })).toBe(true)
    const forged = someEvent({ nonce: '0f'.repeat(16) }, { source: 'latchkey.self-test' })
    expect(await wires.feed.post(forged)).toMatchObject({ status: 202 })
    const other = someEvent({}, { source: 'latchkey.self-test' })
    expect(await wires.feed.post(other)).toMatchObject({ status: 400 })
    expect(await wires.feed.redis.xlen(`${wires.feed.here.prefix}:inbox`)).toBe(0)
    expect(
      await wires.feed.post(
        someEvent({ nonce: '0f'.repeat(16) }, { source: 'latchkey.self-test', account: '999988887777' }),
      ),
    ).toMatchObject({ status: 400 })
  })

  test('an event that nobody takes is tried again, and then lies in the dead letters with the reason', async () => {
    await wires.setup({ key: 'ff'.repeat(32) })
    const hasArrived = (nonce: string) => wires.feed.proofs.hasArrived(nonce)
    expect(await testWiring(wires.desk, { hasArrived, waitMs: 300 })).toBe(false)
    await wires.aws.events.idle()
    expect(await readDeadLetters(wires.desk)).toMatchObject({ messages: 1 })
    const { Messages } = await wires.desk.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: QUEUE, MessageAttributeNames: ['All'] }),
    )
    expect(Messages?.[0]?.MessageAttributes).toMatchObject({
      ERROR_CODE: { StringValue: 'INVOCATION_FAILURE' },
      RETRY_ATTEMPTS: { StringValue: '185' },
    })
  })

  test('writes to the buckets of the rules by anybody, and to no other; each proves its bucket', async () => {
    await wires.setup()
    await wires.feed.startFold()
    wires.aws.state.buckets.set('other', { ...wires.aws.state.buckets.get('finance-reports'), name: 'other' } as never)
    expect(await wires.feed.proofs.proven()).toEqual(new Map())
    await write('other', 'x')
    await write('finance-reports', 'x')
    await until(async () => (await names()).length === 1)
    expect(await names()).toEqual(['PutObject'])
    expect([...(await wires.feed.proofs.proven()).keys()]).toEqual(['finance-reports'])
  })

  test('elevation roles entered and changed by anyone but us', async () => {
    for (const place of wires.places) await wires.setup({ place })
    await wires.feed.startFold()
    const { keys, roles } = wires.seeded
    const enter = async (credentials: typeof keys.web) => {
      const sts = new STSClient({ credentials })
      const order = { RoleArn: roles[0]?.arn, RoleSessionName: 'g-0123456789ab', SourceIdentity: 'somebody' }
      await sts.send(new AssumeRoleCommand(order)).catch((error: Error) => expect(error.name).toBe('AccessDenied'))
      sts.destroy()
    }
    await enter(keys.web)
    await enter(keys.everyday)
    const PolicyDocument = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'
    await wires.desk.iam.send(new PutRolePolicyCommand({ RoleName: 'prod', PolicyName: 'mine', PolicyDocument }))
    await until(async () => (await names()).length >= 2)
    expect([...(await names())].sort()).toEqual(['AssumeRole', 'PutRolePolicy'])
  })
})
