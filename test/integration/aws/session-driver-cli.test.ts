import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SandboxAws, startAws } from '../../../sandbox/aws/index.ts'
import { awsDriver } from '../../../src/aws/driver.ts'
import type { Level } from '../../../src/rules/levels.ts'
import { type Cli, hasAwsCli, startCli } from '../../fixtures/aws-cli-batch.ts'
import { useAws } from '../use-aws.ts'

const BUCKET = 'finance-reports'

let aws: SandboxAws
let folder: string
let cli: Cli

async function cliWith(
  levels: readonly Level[],
): Promise<(...words: string[]) => Promise<{ code: number; said: string }>> {
  const driver = awsDriver({
    accounts: new Map([['prod', { name: 'prod', id: aws.state.account, elevationRole: 'latchkey/prod', copies: 1 }]]),
    buckets: new Map([[BUCKET, { bucket: BUCKET, account: 'prod', region: 'eu-west-1', owners: [] }]]),
    principals: new Map(),
    part: 'web',
    log: { warn: () => undefined },
  })
  const scopes = [{ bucket: BUCKET, key: '2026/' }]
  const draft = { grantId: `g-${levels.join('-')}`, requester: '0b6f2a34-7d0e-4f7c-9a55-1c1f0f9d2a10', scopes, levels }
  const { principals } = await driver.preflight({ ...draft, account: aws.state.account })
  const at = (ms: number) => `${new Date(Date.now() + ms).toISOString().slice(0, 19)}Z`
  const order = { ...draft, principal: principals[0], startsAt: at(-60_000), endsAt: at(3_600_000) }
  const { accessKeyId, secretAccessKey, sessionToken } = await driver.vend(order)
  const environment = {
    HOME: folder,
    AWS_ENDPOINT_URL: aws.url,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
    // A profile of this machine would take precedence.
    AWS_CONFIG_FILE: join(folder, 'none'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none'),
  }
  return async (...words) => {
    const { code, said } = await cli.run({ environment, folder, args: ['s3', ...words] })
    return { code, said }
  }
}

/** Everything that the levels promise, tested with the AWS CLI. */
describe.skipIf(!hasAwsCli)('the AWS CLI with vended credentials (needs aws on the PATH)', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-cli-'))
    mkdirSync(join(folder, 'up'))
    writeFileSync(join(folder, 'up/small.csv'), 'a,b\n')
    writeFileSync(join(folder, 'large.bin'), Buffer.alloc(20 * 1024 * 1024, 7))
    aws = await startAws()
    cli = startCli()
    const { keys } = aws.seedLatchkey()
    useAws(aws.url, keys.web)
  })
  afterAll(async () => {
    cli.stop()
    await aws.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('copies, syncs, lists, moves and removes inside the prefix, and nothing outside it', async () => {
    const s3 = await cliWith(['read', 'write', 'delete'])
    const inside = `s3://${BUCKET}/2026`
    const works = [
      ['cp', 'up/small.csv', `${inside}/small.csv`],
      ['cp', 'large.bin', `${inside}/large.bin`],
      ['cp', `${inside}/large.bin`, 'back.bin'],
      ['sync', 'up', `${inside}/synced`],
      ['sync', `${inside}`, 'down'],
      ['ls', `${inside}/`],
      ['mv', `${inside}/small.csv`, `${inside}/moved.csv`],
      ['sync', 'up', `${inside}/`, '--delete'],
      ['rm', inside, '--recursive'],
    ]
    for (const words of works)
      expect({ words, ...(await s3(...words)) }).toEqual({ words, code: 0, said: expect.any(String) })
    expect(readFileSync(join(folder, 'back.bin')).equals(readFileSync(join(folder, 'large.bin')))).toBe(true)
    expect(readFileSync(join(folder, 'down/synced/small.csv'), 'utf8')).toBe('a,b\n')
    const refused = [
      ['cp', 'up/small.csv', `s3://${BUCKET}/2025/small.csv`],
      ['cp', 'up/small.csv', `s3://${BUCKET}/2026-secret`],
      ['ls', `s3://${BUCKET}/`],
      ['ls', inside],
      ['rm', `s3://${BUCKET}/2025/`, '--recursive'],
    ]
    for (const words of refused) {
      const { code, said } = await s3(...words)
      expect(code, words.join(' ')).not.toBe(0)
      expect(said).toContain('AccessDenied')
    }
  }, 180_000)

  it('reads and writes nothing more than one level says', async () => {
    const [reader, writer] = [await cliWith(['read']), await cliWith(['write'])]
    expect(await writer('cp', 'up/small.csv', `s3://${BUCKET}/2026/a.csv`)).toMatchObject({ code: 0 })
    expect(await writer('cp', `s3://${BUCKET}/2026/a.csv`, 'a.csv')).not.toMatchObject({ code: 0 })
    expect(await reader('cp', `s3://${BUCKET}/2026/a.csv`, 'a.csv')).toMatchObject({ code: 0 })
    expect(await reader('rm', `s3://${BUCKET}/2026/a.csv`)).not.toMatchObject({ code: 0 })
    expect(await reader('cp', 'up/small.csv', `s3://${BUCKET}/2026/b.csv`)).not.toMatchObject({ code: 0 })
  }, 120_000)
})
