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
import { type FeedSetup, openFeedSetup, setAwsEnvironment } from '../../fixtures/feed.ts'
import { eventOf, until } from '../../fixtures/redis-record.ts'
import { someEvent } from '../../unit/oversight/a-record.ts'

let feedSetup: FeedSetup

beforeEach(async () => {
  feedSetup = await openFeedSetup('wiring')
})

afterEach(() => feedSetup.close())

const QUEUE = 'https://sqs.eu-west-1.amazonaws.com/111122223333/latchkey-dead-letters'

async function plan() {
  return planOf({ desired: await feedSetup.wanted(), rotate: false }, await readWiring(feedSetup.clients))
}

describe('setup', () => {
  test('makes every part, and nothing when it is done again', async () => {
    expect((await plan()).every(({ act }) => act === 'create')).toBe(true)
    feedSetup.writes()
    await plan()
    expect(feedSetup.writes()).toEqual([])
    const done = await feedSetup.setup()
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
    expect(await feedSetup.drift()).toEqual([])
    feedSetup.writes()
    expect(await feedSetup.setup()).toEqual([])
    expect(feedSetup.writes()).toEqual([])
  })

  test('what changes policies is seen in the one region that has IAM’s records', async () => {
    const [, ofIam] = feedSetup.regions
    expect(ofIam?.region).toBe('us-east-1')
    await feedSetup.setup({ ...(ofIam && { region: ofIam }) })
    const { rules } = await readWiring(feedSetup.clientsOf(ofIam ?? feedSetup.region))
    expect(rules.map(({ name }) => name)).toContain('latchkey-policies')
    expect(rules.map(({ name }) => name)).not.toContain('latchkey-s3')
  })

  test('everything made carries our name and a tag', async () => {
    await feedSetup.setup()
    const ResourceARN = 'arn:aws:events:eu-west-1:111122223333:rule/latchkey-s3'
    const { Tags } = await feedSetup.clients.events.send(new ListTagsForResourceCommand({ ResourceARN }))
    expect(Tags).toEqual([{ Key: 'latchkey:made-by', Value: 'latchkey aws setup' }])
    const { Role } = await feedSetup.clients.iam.send(new GetRoleCommand({ RoleName: 'latchkey-events-invoke' }))
    const trust = decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')
    expect(trust).toContain('"aws:SourceAccount":"111122223333"')
    expect([...feedSetup.aws.state.queues.values()].map(({ tags }) => Object.fromEntries(tags))).toEqual([
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
    feedSetup.aws.faults.fail(step, { code: 'AccessDenied', status: 403 })
    await expect(feedSetup.setup()).rejects.toMatchObject({ code: 'AWS_REFUSED' })
    expect(await feedSetup.drift()).not.toEqual([])
    await feedSetup.setup()
    expect(await feedSetup.drift()).toEqual([])
  })

  test.each(steps)('an answer of $action that is lost changes nothing about the outcome', async (step) => {
    feedSetup.aws.faults.loseReply(step)
    await feedSetup.setup()
    expect(await feedSetup.drift()).toEqual([])
  })

  test('a target that EventBridge counts as failed, though it answers 200, is no success', async () => {
    await feedSetup.setup()
    const { rules } = await feedSetup.wanted()
    const [wanted] = rules
    if (wanted === undefined) throw new Error('There is a rule.')
    const destinationArn = 'arn:aws:events:eu-west-1:111122223333:api-destination/none/0'
    const put = putRule(feedSetup.clients, {
      desired: wanted,
      existing: undefined,
      feedRegion: feedSetup.region,
      destinationArn,
    })
    await expect(put).rejects.toMatchObject({
      code: 'AWS_REFUSED',
      facts: { awsCode: 'ResourceNotFoundException' },
    })
  })
})

describe('what somebody changes by hand', () => {
  const s3Rule = { Name: 'latchkey-s3', EventPattern: '{"source":["aws.ec2"]}' }
  const attempts: readonly (readonly [string, string, () => Promise<unknown>])[] = [
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
        feedSetup.clients.iam.send(
          new DeleteRolePolicyCommand({ RoleName: 'latchkey-events-invoke', PolicyName: 'invoke' }),
        ),
    ],
    [
      'the queue opened',
      'queue latchkey-dead-letters does not take messages of our rules, and only theirs',
      () => feedSetup.clients.sqs.send(new SetQueueAttributesCommand({ QueueUrl: QUEUE, Attributes: { Policy: '' } })),
    ],
    ['another target beside ours', 'rule latchkey-s3 has another target, spy', addTarget],
  ]

  function events(
    command: PutRuleCommand | RemoveTargetsCommand | UpdateApiDestinationCommand | UpdateConnectionCommand,
  ): Promise<unknown> {
    if (command instanceof PutRuleCommand) return feedSetup.clients.events.send(command)
    if (command instanceof RemoveTargetsCommand) return feedSetup.clients.events.send(command)
    if (command instanceof UpdateApiDestinationCommand) return feedSetup.clients.events.send(command)
    return feedSetup.clients.events.send(command)
  }

  async function deleteSessions() {
    await events(new RemoveTargetsCommand({ Rule: 'latchkey-sessions', Ids: ['latchkey'] }))
    await feedSetup.clients.events.send(new DeleteRuleCommand({ Name: 'latchkey-sessions' }))
  }

  async function addTarget() {
    const { destination } = await readWiring(feedSetup.clients)
    const RoleArn = 'arn:aws:iam::111122223333:role/latchkey-events-invoke'
    const Targets = [{ Id: 'spy', Arn: destination?.arn ?? '', RoleArn }]
    await feedSetup.clients.events.send(new PutTargetsCommand({ Rule: 'latchkey-s3', Targets }))
  }

  test.each(attempts)('%s is told, and mended', async (_, says, act) => {
    await feedSetup.setup()
    await act()
    expect((await feedSetup.drift()).map(sayDifference)).toEqual([says])
    await feedSetup.setup()
    expect(await feedSetup.drift()).toEqual([])
  })

  test('somebody else who is let into an elevation role is a difference too', async () => {
    await feedSetup.setup()
    const before = feedSetup.seeded.roles[0]?.trustPolicy ?? ''
    const PolicyDocument = before.replaceAll(
      'user/latchkey-web"',
      'user/latchkey-web","arn:aws:iam::111122223333:user/everyday"',
    )
    await feedSetup.clients.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: 'prod', PolicyDocument }))
    expect((await feedSetup.drift()).map(({ name }) => name)).toEqual(['latchkey-assume-role'])
  })

  test('a rule for what the rules file names no more goes', async () => {
    await feedSetup.setup()
    await feedSetup.clients.events.send(
      new PutRuleCommand({ Name: 'latchkey-s3-2', EventPattern: '{"source":["aws.s3"]}' }),
    )
    expect((await feedSetup.drift()).map(({ act, name }) => `${act} ${name}`)).toEqual(['delete latchkey-s3-2'])
    await feedSetup.setup()
    expect(await feedSetup.drift()).toEqual([])
  })
})

describe('while a grant is live', () => {
  async function checkDrift(told: Map<string, string>): Promise<readonly unknown[]> {
    const { record, fixture } = feedSetup.feed
    const { endpoint } = await feedSetup.wanted()
    const publicUrl = new URL(endpoint).origin
    const look = feedDriftCheck({ rules: feedSetup.rules, publicUrl, region: 'eu-west-1', record, log: fixture.log })
    await checkFeedDrift({ record, look, log: fixture.log }, told)
    const events = await recentAudit(feedSetup.feed.redis, 100, fixture.prefix)
    return events.filter(({ kind }) => kind === 'alarm.wiring-drift')
  }

  test('what is no longer as it was set up is an alarm, once; nobody is told of what was never set up', async () => {
    const told = new Map<string, string>()
    const live = { kind: 'live', value: 'grants', id: 'g-0123456789ab', at: Date.now() }
    for (const region of feedSetup.regions) await feedSetup.setup({ region })
    await feedSetup.clients.events.send(new DisableRuleCommand({ Name: 'latchkey-s3' }))
    expect(await checkDrift(told)).toEqual([])
    await feedSetup.feed.record.commit({ records: [], indexes: [live], audit: [eventOf()] })
    const differences = ['rule latchkey-s3 is DISABLED']
    const alarm = { account: '111122223333', region: 'eu-west-1', differences }
    expect(await checkDrift(told)).toMatchObject([alarm])
    expect(await checkDrift(told)).toMatchObject([alarm])
    await feedSetup.teardown()
    expect(await checkDrift(told)).toHaveLength(2)
    await noteSetUp(feedSetup.feed.record, feedSetup.region, byOperator('ops'))
    expect(await checkDrift(new Map())).toHaveLength(4)
  })

  test('whoever set it up or took it down is on record, in the write that makes it watched or not', async () => {
    const { record, redis, fixture } = feedSetup.feed
    const operator = byOperator('ops')
    await noteSetUp(record, feedSetup.region, operator)
    expect([...(await listWiredRegions(record))]).toEqual(['111122223333/eu-west-1'])
    await noteTakenDown(record, feedSetup.region, operator)
    expect([...(await listWiredRegions(record))]).toEqual([])
    const where = { actor: operator, account: '111122223333', region: 'eu-west-1' }
    expect(await recentAudit(redis, 100, fixture.prefix)).toMatchObject([
      { kind: 'wiring.taken-down', ...where },
      { kind: 'wiring.set-up', ...where },
    ])
  })

  test('the workers’ own rights are enough for it, and the key is not among what they see', async () => {
    for (const region of feedSetup.regions) await feedSetup.setup({ region })
    setAwsEnvironment(feedSetup.aws, feedSetup.seeded.keys.workers)
    const live = { kind: 'live', value: 'grants', id: 'g-0123456789ab', at: Date.now() }
    await feedSetup.feed.record.commit({ records: [], indexes: [live], audit: [eventOf()] })
    expect(await checkDrift(new Map())).toEqual([])
  })
})

describe('keys', () => {
  test('the connection gets the new key, and no record is lost on the way', async () => {
    await feedSetup.setup({ key: KEYS.previous })
    const connection = async () => (await readWiring(feedSetup.clients)).connection?.description
    expect(await connection()).toContain(keyFingerprint(KEYS.previous))
    feedSetup.aws.events.pause()
    await write('finance-reports', 'during')
    await feedSetup.setup()
    feedSetup.aws.events.resume()
    await feedSetup.aws.events.idle()
    expect(await connection()).toContain(keyFingerprint(KEYS.current))
    expect(feedSetup.aws.events.attempts().map(({ status }) => status)).toEqual([202])
    expect(await feedSetup.setup({ rotate: true })).toMatchObject([{ kind: 'connection', act: 'update' }])
  })

  test('AWS is given no key that the service does not take yet', async () => {
    const { endpoint } = await feedSetup.wanted()
    await expect(checkKeyAccepted(endpoint, 'ff'.repeat(32))).rejects.toThrow('does not take the first key')
    await checkKeyAccepted(endpoint, KEYS.current)
  })

  test('a key is in nothing that AWS shows and in nothing that is said', async () => {
    const done = await feedSetup.setup()
    const shown = await feedSetup.clients.events.send(new DescribeConnectionCommand({ Name: 'latchkey' }))
    const said = JSON.stringify([
      done,
      shown,
      await readWiring(feedSetup.clients),
      await feedSetup.wanted(),
      await plan(),
    ])
    expect(said).not.toContain(KEYS.current)
  })
})

describe('teardown', () => {
  test('takes down what setup made, of the half too, and nothing else', async () => {
    await feedSetup.clients.events.send(
      new PutRuleCommand({ Name: 'latchkey-of-somebody', EventPattern: '{"source":["aws.s3"]}' }),
    )
    await feedSetup.setup()
    feedSetup.aws.faults.fail({ action: 'DeleteApiDestination' }, { code: 'AccessDenied', status: 403 })
    await expect(feedSetup.teardown()).rejects.toMatchObject({ code: 'AWS_REFUSED' })
    await feedSetup.teardown()
    const found = await readWiring(feedSetup.clients)
    expect(found).toEqual({
      connection: undefined,
      destination: undefined,
      invokeRole: undefined,
      deadLetters: undefined,
      rules: [],
    })
    expect(isUnwired(found)).toBe(true)
    expect(await feedSetup.teardown()).toEqual([])
    const left = feedSetup.aws.journal.entries().filter(({ action }) => action === 'DeleteRule')
    expect(left.map(({ parameters }) => parameters.Name)).not.toContain('latchkey-of-somebody')
  })

  test('a queue of the same name is taken a minute later', async () => {
    await feedSetup.setup()
    await feedSetup.teardown()
    await expect(feedSetup.setup()).rejects.toMatchObject({
      facts: { awsCode: 'QueueDeletedRecently' },
      message: expect.stringMatching(/60 seconds after it was deleted: run the same command again then\.$/),
    })
    feedSetup.aws.clock.advance(61_000)
    await feedSetup.setup()
    expect(await feedSetup.drift()).toEqual([])
  })
})

async function write(Bucket: string, Key: string): Promise<void> {
  const s3 = new S3Client({ forcePathStyle: true })
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'body' }))
  s3.destroy()
}

async function names(): Promise<readonly unknown[]> {
  await feedSetup.aws.events.idle()
  return (await feedSetup.feed.unexplained()).map(({ name }) => name)
}

describe('what comes through', () => {
  test('the event of the self-test, and never a record in its clothes', async () => {
    await feedSetup.setup()
    const hasArrived = (nonce: string) => feedSetup.feed.proofs.hasArrived(nonce)
    expect(await testWiring(feedSetup.clients, { hasArrived, waitMs: 20_000 })).toBe(true)
    const forged = someEvent({ nonce: '0f'.repeat(16) }, { source: 'latchkey.self-test' })
    expect(await feedSetup.feed.post(forged)).toMatchObject({ status: 202 })
    const other = someEvent({}, { source: 'latchkey.self-test' })
    expect(await feedSetup.feed.post(other)).toMatchObject({ status: 400 })
    expect(await feedSetup.feed.redis.xlen(`${feedSetup.feed.fixture.prefix}:inbox`)).toBe(0)
    expect(
      await feedSetup.feed.post(
        someEvent({ nonce: '0f'.repeat(16) }, { source: 'latchkey.self-test', account: '999988887777' }),
      ),
    ).toMatchObject({ status: 400 })
  })

  test('an event that nobody takes is tried again, and then lies in the dead letters with the reason', async () => {
    await feedSetup.setup({ key: 'ff'.repeat(32) })
    const hasArrived = (nonce: string) => feedSetup.feed.proofs.hasArrived(nonce)
    expect(await testWiring(feedSetup.clients, { hasArrived, waitMs: 300 })).toBe(false)
    await feedSetup.aws.events.idle()
    expect(await readDeadLetters(feedSetup.clients)).toMatchObject({ messages: 1 })
    const { Messages } = await feedSetup.clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: QUEUE, MessageAttributeNames: ['All'] }),
    )
    expect(Messages?.[0]?.MessageAttributes).toMatchObject({
      ERROR_CODE: { StringValue: 'INVOCATION_FAILURE' },
      RETRY_ATTEMPTS: { StringValue: '185' },
    })
  })

  test('writes to the buckets of the rules by anybody, and to no other; each proves its bucket', async () => {
    await feedSetup.setup()
    await feedSetup.feed.startFold()
    feedSetup.aws.state.buckets.set('other', {
      ...feedSetup.aws.state.buckets.get('finance-reports'),
      name: 'other',
    } as never)
    expect(await feedSetup.feed.proofs.proven()).toEqual(new Map())
    await write('other', 'x')
    await write('finance-reports', 'x')
    await until(async () => (await names()).length === 1)
    expect(await names()).toEqual(['PutObject'])
    expect([...(await feedSetup.feed.proofs.proven()).keys()]).toEqual(['finance-reports'])
  })

  test('elevation roles entered and changed by anyone but us', async () => {
    for (const region of feedSetup.regions) await feedSetup.setup({ region })
    await feedSetup.feed.startFold()
    const { keys, roles } = feedSetup.seeded
    const enter = async (credentials: typeof keys.web) => {
      const sts = new STSClient({ credentials })
      const order = { RoleArn: roles[0]?.arn, RoleSessionName: 'g-0123456789ab', SourceIdentity: 'somebody' }
      await sts.send(new AssumeRoleCommand(order)).catch((error: Error) => expect(error.name).toBe('AccessDenied'))
      sts.destroy()
    }
    await enter(keys.web)
    await enter(keys.everyday)
    const PolicyDocument = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'
    await feedSetup.clients.iam.send(new PutRolePolicyCommand({ RoleName: 'prod', PolicyName: 'mine', PolicyDocument }))
    await until(async () => (await names()).length >= 2)
    expect([...(await names())].sort()).toEqual(['AssumeRole', 'PutRolePolicy'])
  })
})
