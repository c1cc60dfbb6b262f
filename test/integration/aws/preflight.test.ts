import { CreatePolicyVersionCommand } from '@aws-sdk/client-iam'
import { DisableKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { PutBucketEncryptionCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Driver } from '../../../src/grants/driver.ts'
import type { Bucket } from '../../../src/rules/rules.ts'
import { EXTERNAL_ID, HOME, OTHER, REGION, type TwoAccounts, twoAccounts } from '../../fixtures/two-accounts.ts'
import { DENIED_ON } from '../../unit/grants/a-grant.ts'

let world: TwoAccounts
let web: Driver

beforeEach(async () => {
  world = await twoAccounts()
  web = world.driver('web')
})
afterEach(async () => {
  vi.restoreAllMocks()
  await world.stop()
})

function change(bucket: string, more: Partial<Bucket>): void {
  const known = world.buckets.get(bucket)
  if (known) world.buckets.set(bucket, { ...known, ...more })
}

/** The requester gets no details of roles, keys and accounts of others. */
async function faultsOf(draft = world.draft(HOME), driver = web): Promise<string> {
  const refusal = await driver.preflight(draft).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(refusal).toMatchObject({ code: 'AWS_REFUSED', facts: { awsCode: 'BucketNotInOrder' } })
  return JSON.stringify(world.logged)
}

function setPolicy(...Statement: readonly object[]) {
  const { s3 } = world.owner(HOME)
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement })
  return s3.send(new PutBucketPolicyCommand({ Bucket: 'finance-reports', Policy }))
}

function encryptWith(KMSMasterKeyID: string) {
  const { s3 } = world.owner(HOME)
  const ApplyServerSideEncryptionByDefault = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID } as const
  const ServerSideEncryptionConfiguration = { Rules: [{ ApplyServerSideEncryptionByDefault }] }
  return s3.send(new PutBucketEncryptionCommand({ Bucket: 'finance-reports', ServerSideEncryptionConfiguration }))
}

describe('before anybody is asked, the bucket', () => {
  it('in order raises no warning, and writes nothing to the log', async () => {
    for (const account of [HOME, OTHER]) expect((await web.preflight(world.draft(account))).warnings).toEqual([])
    expect(world.logged).toEqual([])
  })

  it('that somebody else made under its name is refused, though they let Latchkey look', async () => {
    const us = { AWS: `arn:aws:iam::${HOME}:user/latchkey-web` }
    const Resource = 'arn:aws:s3:::finance-reports'
    const Statement = [{ Effect: 'Allow', Principal: us, Action: 's3:*', Resource }]
    const policy = JSON.stringify({ Version: '2012-10-17', Statement })
    world.aws.state.buckets.set('finance-reports', { name: 'finance-reports', region: REGION, account: OTHER, policy })
    await expect(web.preflight(world.draft(HOME))).rejects.toMatchObject({
      code: 'AWS_REFUSED',
      facts: { awsCode: 'AccessDenied', doing: 'to show bucket finance-reports' },
    })
  })

  it('that is not there is refused', async () => {
    world.aws.state.buckets.delete('finance-reports')
    await expect(web.preflight(world.draft(HOME))).rejects.toMatchObject({ facts: { awsCode: 'NoSuchBucket' } })
  })

  it('that is in another region than the rules say is refused', async () => {
    change('finance-reports', { region: 'us-east-1' })
    expect(await faultsOf()).toContain('not in us-east-1')
  })

  it('whose policy Latchkey may not read is refused: nobody knows whom it lets in', async () => {
    world.aws.faults.fail({ action: 'GetBucketPolicy' }, { code: 'AccessDenied', status: 403 })
    await expect(web.preflight(world.draft(HOME))).rejects.toMatchObject({ facts: { awsCode: 'AccessDenied' } })
  })

  it('whose encryption Latchkey may not read is asked for, and the operator is told', async () => {
    world.aws.faults.fail({ action: 'GetBucketEncryption' }, { code: 'AccessDenied', status: 403 })
    expect((await web.preflight(world.draft(HOME))).principals).toHaveLength(2)
    expect(JSON.stringify(world.logged)).toContain('s3:GetEncryptionConfiguration')
  })

  it('encrypted with a key that the rules do not name is refused, and goes through when they do', async () => {
    await encryptWith(world.kmsKey)
    expect(await faultsOf()).toContain(world.kmsKey)
    change('finance-reports', { kmsKey: world.kmsKey })
    await web.preflight(world.draft(HOME))
  })

  it('with bucket keys that the rules do not name is refused to the driver attach alone', async () => {
    const { s3 } = world.owner(HOME)
    const ApplyServerSideEncryptionByDefault = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: world.kmsKey } as const
    const Rules = [{ ApplyServerSideEncryptionByDefault, BucketKeyEnabled: true }]
    await s3.send(
      new PutBucketEncryptionCommand({ Bucket: 'finance-reports', ServerSideEncryptionConfiguration: { Rules } }),
    )
    change('finance-reports', { kmsKey: world.kmsKey })
    await web.preflight(world.draft(HOME))
    const arn = `arn:aws:iam::${HOME}:role/analysts`
    const principal = { driver: 'attach', account: HOME, arn, userid: 'AROAHOLDER:rita', deniedOn: DENIED_ON } as const
    await expect(web.checkBucket(world.draft(HOME), principal)).rejects.toMatchObject({
      facts: { awsCode: 'BucketNotInOrder' },
    })
    expect(JSON.stringify(world.logged)).toContain('bucketKey: true')
    change('finance-reports', { bucketKey: true })
    expect(await web.checkBucket(world.draft(HOME), principal)).toEqual([])
  })

  it('encrypted by AWS’s own key needs none named', async () => {
    await encryptWith('alias/aws/s3')
    expect((await web.preflight(world.draft(HOME))).warnings).toEqual([])
  })

  it('whose key is disabled, gone or of another region is refused', async () => {
    const arn = world.kmsKey
    const kms = new KMSClient({ region: REGION, endpoint: world.aws.url, credentials: world.home.keys.owner })
    change('finance-reports', { kmsKey: arn })
    await web.preflight(world.draft(HOME))
    await kms.send(new DisableKeyCommand({ KeyId: arn }))
    expect(await faultsOf(world.draft(HOME), world.driver('web'))).toContain('is Disabled')
    world.aws.state.keys.delete(arn)
    expect(await faultsOf(world.draft(HOME), world.driver('web'))).toContain('There is no key')
    change('finance-reports', { kmsKey: arn.replace(REGION, 'us-east-1') })
    expect(await faultsOf(world.draft(HOME), world.driver('web'))).toContain(`is not in ${REGION}`)
    kms.destroy()
  })

  it('whose policy lets sessions of the elevation role in beside their session policy is refused', async () => {
    const Principal = { AWS: `arn:aws:sts::${HOME}:assumed-role/prod-2/g-000000000001` }
    const Resource = 'arn:aws:s3:::finance-reports/*'
    await setPolicy({ Effect: 'Allow', Principal, Action: 's3:PutObject', Resource })
    expect(await faultsOf()).toContain('beside their session policy')
  })

  it('whose policy came to let sessions in since is refused at activation and to whom it is extended', async () => {
    const { principals } = await web.preflight(world.draft(HOME))
    const [principal] = principals
    if (principal.driver !== 'session') throw new Error('These are sessions')
    const Condition = { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } }
    const Resource = 'arn:aws:s3:::finance-reports/*'
    await setPolicy({ Effect: 'Allow', Principal: '*', Action: 's3:PutObject', Resource, Condition })
    const workers = world.driver('workers')
    const refused = { code: 'AWS_REFUSED', facts: { awsCode: 'BucketNotInOrder' } }
    await expect(workers.activate(world.order(principal), world.aws.clock.now())).rejects.toMatchObject(refused)
    await expect(world.driver('web').checkBucket(world.draft(HOME), principal)).rejects.toMatchObject(refused)
    expect(JSON.stringify(world.aws.journal.entries())).not.toContain('"RoleSessionName":"g-0')
  })

  it('that cannot be read at activation stops nobody who was approved, and the operator is told', async () => {
    const [principal] = (await web.preflight(world.draft(HOME))).principals
    if (principal.driver !== 'session') throw new Error('These are sessions')
    world.aws.faults.fail({ action: 'GetBucketPolicy' }, { code: 'AccessDenied', status: 403 })
    await world.driver('workers').activate(world.order(principal), world.aws.clock.now())
    expect(JSON.stringify(world.logged)).toContain('activation could not read the bucket again')
  })

  it('whose policy will refuse what is asked for is a warning to the requester', async () => {
    const Condition = { StringNotEquals: { 'aws:SourceVpce': 'vpce-0a1b2c3d' } }
    const Resource = 'arn:aws:s3:::finance-reports/*'
    await setPolicy({ Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource, Condition })
    const { warnings } = await web.preflight(world.draft(HOME))
    expect(warnings).toEqual([expect.stringContaining('VPC endpoint')])
    expect((await web.preflight(world.draft(HOME, { levels: ['read'] }))).warnings).toEqual([])
  })

  it('is read once a minute; a refusal is not remembered', async () => {
    const started = performance.now()
    const clock = vi.spyOn(performance, 'now').mockReturnValue(started)
    change('finance-reports', { region: 'us-east-1' })
    await faultsOf()
    change('finance-reports', { region: REGION })
    await web.preflight(world.draft(HOME))
    await web.preflight(world.draft(HOME))
    expect(world.count('GetBucketPolicy')).toBe(1)
    clock.mockReturnValue(started + 60_000)
    await web.preflight(world.draft(HOME))
    expect(world.count('GetBucketPolicy')).toBe(2)
  })
})

describe('bad luck before anybody is asked', () => {
  it.each([
    ['throttles', { code: 'SlowDown', status: 503 }],
    ['fails', { code: 'InternalError', status: 500 }],
  ])('S3 that %s is said to be unavailable, and nothing was asked', async (_, failure) => {
    world.aws.faults.fail({ action: 'GetBucketLocation' }, { ...failure, times: 3 })
    await expect(web.preflight(world.draft(HOME))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('S3 whose answers are lost is asked again', async () => {
    world.aws.faults.loseReply({ action: 'GetBucketLocation' }, 2)
    expect((await web.preflight(world.draft(HOME))).principals).toHaveLength(2)
  })

  it('credentials of Latchkey that are over or unknown are the operator’s to renew', async () => {
    for (const code of ['ExpiredToken', 'InvalidClientTokenId']) {
      world.aws.faults.fail({ action: 'GetRole' }, { code, status: 403, times: 2 })
      await expect(web.preflight(world.draft(HOME))).rejects.toMatchObject({
        code: 'AWS_REFUSED',
        facts: { awsCode: code, next: expect.stringContaining('Have the operator give it new ones') },
      })
      world.aws.faults.clear()
    }
  })

  it('a boundary that leaves out what is asked for is refused before somebody says yes to it', async () => {
    const { iam } = world.owner(HOME)
    const Statement = [
      { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::finance-reports/*' },
      { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::finance-reports' },
    ]
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
    const draft = { PolicyArn: world.home.boundaryArn, PolicyDocument, SetAsDefault: true }
    await iam.send(new CreatePolicyVersionCommand(draft))
    await web.preflight(world.draft(HOME, { levels: ['read'] }))
    await expect(web.preflight(world.draft(HOME))).rejects.toMatchObject({ facts: { awsCode: 'RoleNotInOrder' } })
    expect(JSON.stringify(world.logged)).toContain('does not allow s3:PutObject')
  })

  it('a boundary edited by hand stops its roles until it is put right', async () => {
    const { iam } = world.owner(HOME)
    const Statement = [{ Effect: 'Allow', Action: ['s3:GetObject', 's3:PutBucketPolicy'], Resource: '*' }]
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
    const draft = { PolicyArn: world.home.boundaryArn, PolicyDocument, SetAsDefault: true }
    await iam.send(new CreatePolicyVersionCommand(draft))
    await expect(web.preflight(world.draft(HOME))).rejects.toMatchObject({ facts: { awsCode: 'RoleNotInOrder' } })
    expect(JSON.stringify(world.logged)).toContain('s3:PutBucketPolicy')
    expect(JSON.stringify(world.logged)).not.toContain(EXTERNAL_ID)
  })
})
