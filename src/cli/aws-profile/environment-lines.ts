import type { z } from 'zod'
import type { credentialsAnswer } from '../../http/api-schemas.ts'
import { Problem } from '../problem.ts'

/** What credentials and regions are made of: nothing that a shell reads, nor one of the curly quotes, which are quotes to PowerShell. */
const HARMLESS = /^[\w+/=.:-]+$/

/** Credentials as a shell takes them over. @throws Problem for a value that a shell could take for more than that */
export function environmentLines(
  credentials: z.output<typeof credentialsAnswer>,
  region: string | null,
  shell: 'sh' | 'powershell',
): readonly string[] {
  const variables = {
    AWS_ACCESS_KEY_ID: credentials.AccessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.SecretAccessKey,
    AWS_SESSION_TOKEN: credentials.SessionToken,
    AWS_CREDENTIAL_EXPIRATION: credentials.Expiration,
    // AWS CLI 1 reads the second one.
    ...(region === null ? {} : { AWS_REGION: region, AWS_DEFAULT_REGION: region }),
  }
  return Object.entries(variables).map(([name, value]) => {
    if (!HARMLESS.test(value))
      throw new Problem(`Latchkey answered with a value for ${name} that AWS does not give. Check LATCHKEY_URL.`)
    return shell === 'sh' ? `export ${name}='${value}'` : `$Env:${name} = '${value}'`
  })
}
