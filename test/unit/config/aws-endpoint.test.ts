import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetUserCommand } from '@aws-sdk/client-iam'
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { afterAll, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { awsClients } from '../../../src/aws/clients.ts'
import { partEnvironment } from '../../../src/config/environment.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-aws-'))
const AWS_CONFIG_FILE = join(folder, 'config')
writeFileSync(
  AWS_CONFIG_FILE,
  '[default]\nservices = elsewhere\n[services elsewhere]\niam =\n  endpoint_url = http://127.0.0.1:9\nsts =\n  endpoint_url = http://127.0.0.1:9\n',
)
afterAll(() => rmSync(folder, { recursive: true }))

const GIVEN = { AWS_CONFIG_FILE, AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' }
const addressed = z.object({ hostname: z.string() })

/** The hosts that the calls would go to. Nothing is sent. */
async function hosts(env: Readonly<Record<string, string | undefined>>): Promise<readonly string[]> {
  vi.stubEnv('AWS_ENDPOINT_URL', undefined)
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  const found: string[] = []
  const stop = (args: { readonly request: unknown }): Promise<never> => {
    found.push(addressed.parse(args.request).hostname)
    return Promise.reject(new Error('far enough'))
  }
  const id = '111122223333'
  const accounts = new Map([['prod', { name: 'prod', id, elevationRole: 'latchkey/prod', copies: 1 }]])
  const { iam, sts } = awsClients({ accounts, part: 'web', log: { warn: () => undefined } })
  const [anywhere, regional] = [iam(id), sts('eu-west-1')]
  // Before its first call the client asks which account the credentials belong to.
  anywhere.middlewareStack.remove('refuseOtherAccounts')
  anywhere.middlewareStack.add(() => stop, { step: 'finalizeRequest', priority: 'high' })
  regional.middlewareStack.add(() => stop, { step: 'finalizeRequest', priority: 'high' })
  await expect(anywhere.send(new GetUserCommand({}))).rejects.toThrow('far enough')
  await expect(regional.send(new GetCallerIdentityCommand({}))).rejects.toThrow('far enough')
  vi.unstubAllEnvs()
  return found
}

test('a profile on the machine leads calls to AWS nowhere else', async () => {
  expect(await hosts(GIVEN)).toEqual(['127.0.0.1', '127.0.0.1'])
  expect(await hosts(partEnvironment(GIVEN, 'web'))).toEqual(['iam.amazonaws.com', 'sts.eu-west-1.amazonaws.com'])
})
