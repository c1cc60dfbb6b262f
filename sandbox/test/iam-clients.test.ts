import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { type Cli, hasAwsCli, startCli } from '../../test/fixtures/aws-cli-batch.ts'
import { type SandboxAws, startAws } from '../aws/index.ts'
import type { KeyPair, SeededLatchkey } from '../aws/seed.ts'

/** The sandbox's IAM and STS, tested with the AWS CLI and boto3. */

const run = promisify(execFile)
const ROLE = 'arn:aws:iam::111122223333:role/latchkey/prod'
const PERSON = '6a1b0f6e-3f0d-4b8a-9a55-1c1f0f9d2a10'

const hasBoto3 = spawnSync('python3', ['-c', 'import boto3'], { stdio: 'ignore' }).status === 0

let aws: SandboxAws
let awsCli: Cli
let seeded: SeededLatchkey

beforeAll(async () => {
  aws = await startAws()
  seeded = aws.seedLatchkey()
  awsCli = startCli()
})

afterAll(async () => {
  awsCli.stop()
  await aws.stop()
})

/** An environment without this machine's own AWS settings. */
function environment(keys: KeyPair & { readonly sessionToken?: string }): Record<string, string> {
  return {
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL: aws.url,
    AWS_DEFAULT_REGION: 'eu-west-1',
    AWS_PAGER: '',
    AWS_MAX_ATTEMPTS: '1',
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    ...(keys.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: keys.sessionToken }),
  }
}

function needCli(context: TestContext): void {
  if (!hasAwsCli) context.skip('the AWS CLI (aws) is not on this machine')
}

function needBoto3(context: TestContext): void {
  if (!hasBoto3) context.skip('python3 with boto3 is not on this machine')
}

async function cli(keys: KeyPair & { readonly sessionToken?: string }, ...args: string[]): Promise<unknown> {
  const order = { environment: environment(keys), folder: process.cwd(), args: [...args, '--output', 'json'] }
  const { code, stdout, stderr } = await awsCli.run(order)
  if (code !== 0) throw new Error(`aws ${args.join(' ')} ended with ${code}: ${stderr}`)
  return stdout === '' ? undefined : JSON.parse(stdout)
}

async function python(keys: KeyPair, program: string): Promise<unknown> {
  const { PATH, HOME } = process.env
  const { stdout } = await run('python3', ['-c', program], { env: { PATH, HOME, ...environment(keys) } })
  return JSON.parse(stdout)
}

const DENY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'Denied',
      Effect: 'Deny',
      Action: '*',
      Resource: '*',
      Condition: { StringEquals: { 'aws:userid': 'AROA1:g-1' } },
    },
  ],
})

describe('the AWS CLI', () => {
  test('knows who it is', async (context) => {
    needCli(context)
    expect(await cli(seeded.keys.web, 'sts', 'get-caller-identity')).toEqual({
      Account: '111122223333',
      Arn: 'arn:aws:iam::111122223333:user/latchkey-web',
      UserId: aws.state.users.get('latchkey-web')?.userId,
    })
  })

  test('reads a role with its documents decoded', async (context) => {
    needCli(context)
    expect(await cli(seeded.keys.web, 'iam', 'get-role', '--role-name', 'prod')).toMatchObject({
      Role: {
        Arn: ROLE,
        MaxSessionDuration: 3600,
        AssumeRolePolicyDocument: { Statement: [{ Sid: 'BrokersOnly' }, { Sid: 'SetId' }] },
        PermissionsBoundary: { PermissionsBoundaryArn: seeded.boundaryArn },
      },
    })
  })

  test('writes an inline policy, reads it back, pages through the names and deletes it', async (context) => {
    needCli(context)
    const named = ['--role-name', 'prod', '--policy-name', 'latchkey.deny']
    const document = ['--policy-document', DENY]
    await cli(seeded.keys.workers, 'iam', 'put-role-policy', ...named, ...document)
    const read = await cli(seeded.keys.workers, 'iam', 'get-role-policy', ...named)
    expect(read).toMatchObject({ PolicyName: 'latchkey.deny', PolicyDocument: JSON.parse(DENY) })
    await cli(seeded.keys.owner, 'iam', 'put-role-policy', '--role-name', 'prod', '--policy-name', 'first', ...document)
    const listed = await cli(seeded.keys.web, 'iam', 'list-role-policies', '--role-name', 'prod', '--page-size', '1')
    expect(listed).toEqual({ PolicyNames: ['first', 'latchkey.deny'] })
    await cli(seeded.keys.owner, 'iam', 'delete-role-policy', ...named)
  })

  test('enters the role with everything a grant carries, and is then that session', async (context) => {
    needCli(context)
    const policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }],
    })
    const entered = await cli(
      seeded.keys.web,
      ...['sts', 'assume-role', '--role-arn', ROLE, '--role-session-name', 'g-0123456789ab', '--policy', policy],
      ...[
        '--source-identity',
        PERSON,
        '--duration-seconds',
        '900',
        '--tags',
        'Key=latchkey:grant,Value=g-0123456789ab',
      ],
    )
    expect(entered).toMatchObject({
      Credentials: { AccessKeyId: expect.stringMatching(/^ASIASANDBOX/) },
      AssumedRoleUser: { Arn: 'arn:aws:sts::111122223333:assumed-role/prod/g-0123456789ab' },
      SourceIdentity: PERSON,
    })
    const session = [...aws.state.sessions.values()].at(-1)
    if (session === undefined) throw new Error('no session was made')
    expect(await cli(session, 'sts', 'get-caller-identity')).toMatchObject({
      UserId: `${session.roleId}:g-0123456789ab`,
    })
  })

  test('says what AWS says when it is refused', async (context) => {
    needCli(context)
    const put = cli(
      seeded.keys.web,
      'iam',
      'put-role-policy',
      '--role-name',
      'prod',
      '--policy-name',
      'x',
      '--policy-document',
      DENY,
    )
    await expect(put).rejects.toThrow(
      /An error occurred \(AccessDenied\) when calling the PutRolePolicy operation: User: arn:aws:iam::111122223333:user\/latchkey-web is not authorized to perform: iam:PutRolePolicy on resource: role prod/,
    )
    const unknown = cli({ ...seeded.keys.web, accessKeyId: 'SANDBOXNOBODY' }, 'sts', 'get-caller-identity')
    await expect(unknown).rejects.toThrow(/InvalidClientTokenId.*The security token included in the request is invalid/)
  })
})

describe('boto3', () => {
  test('meets every refusal under its own name', async (context) => {
    needBoto3(context)
    const seen = await python(
      seeded.keys.owner,
      `
import boto3, json
iam = boto3.client('iam')
seen = []
def note(call, **given):
    try: call(**given); seen.append('done')
    except Exception as error: seen.append(type(error).__name__)
doc = lambda n: json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::b/' + 'k' * n}]})
note(iam.get_role, RoleName='nobody')
note(iam.put_role_policy, RoleName='prod', PolicyName='x', PolicyDocument=doc(10240))
note(iam.put_role_policy, RoleName='prod', PolicyName='x', PolicyDocument='{}')
note(iam.put_role_policy, RoleName='prod', PolicyName='x', PolicyDocument=doc(1))
note(iam.create_user, UserName='owner')
note(iam.delete_role, RoleName='prod')
note(iam.delete_role_policy, RoleName='prod', PolicyName='x')
note(iam.delete_role_policy, RoleName='prod', PolicyName='x')
print(json.dumps(seen))`,
    )
    expect(seen).toEqual([
      'NoSuchEntityException',
      'LimitExceededException',
      'MalformedPolicyDocumentException',
      'done',
      'EntityAlreadyExistsException',
      'DeleteConflictException',
      'done',
      'NoSuchEntityException',
    ])
  })

  test('reads what preflight compares: role, tags, inline and managed policies, boundary', async (context) => {
    needBoto3(context)
    seeded.roles[0]?.inline.put('latchkey.deny', DENY, 0)
    const seen = await python(
      seeded.keys.web,
      `
import boto3, json
iam = boto3.client('iam')
role = iam.get_role(RoleName='prod')['Role']
names = [n for p in iam.get_paginator('list_role_policies').paginate(RoleName='prod', PaginationConfig={'PageSize': 1}) for n in p['PolicyNames']]
inline = iam.get_role_policy(RoleName='prod', PolicyName=names[0])['PolicyDocument']
arn = role['PermissionsBoundary']['PermissionsBoundaryArn']
version = iam.get_policy(PolicyArn=arn)['Policy']['DefaultVersionId']
boundary = iam.get_policy_version(PolicyArn=arn, VersionId=version)['PolicyVersion']['Document']
print(json.dumps({'names': names, 'inline': [s['Sid'] for s in inline['Statement']], 'boundary': [s['Sid'] for s in boundary['Statement']], 'year': role['CreateDate'].year}))`,
    )
    expect(seen).toMatchObject({
      names: expect.arrayContaining(['latchkey.deny']),
      inline: ['Denied'],
      boundary: ['Objects', 'Names', 'Never'],
      year: new Date(aws.clock.now()).getUTCFullYear(),
    })
  })
})
