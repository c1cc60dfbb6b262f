import type { z } from 'zod'
import type { credentialsAnswer } from '../../http/api-schemas.ts'
import { Problem } from '../problem.ts'

/**
 * The characters of credentials and regions. None of them has a meaning to a shell. Curly quotes are excluded:
 * PowerShell reads them as quotes.
 */
const HARMLESS = /^[\w+/=.:-]+$/

/**
 * Lines that set the credentials as environment variables in a shell.
 * @throws Problem for a value that a shell could run as code
 */
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
    // AWS CLI 1 reads AWS_DEFAULT_REGION.
    ...(region === null ? {} : { AWS_REGION: region, AWS_DEFAULT_REGION: region }),
  }
  return Object.entries(variables).map(([name, value]) => {
    if (!HARMLESS.test(value))
      throw new Problem(`Latchkey answered with a value for ${name} that AWS does not give. Check LATCHKEY_URL.`)
    return shell === 'sh' ? `export ${name}='${value}'` : `$Env:${name} = '${value}'`
  })
}
