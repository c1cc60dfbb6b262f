import type { z } from 'zod'
import type { credentialsAnswer } from '../http/api-schemas.ts'

/** Credentials as a shell takes them over, each value as it is. */
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
  return Object.entries(variables).map(([name, value]) =>
    shell === 'sh'
      ? `export ${name}='${value.replaceAll("'", `'\\''`)}'`
      : `$Env:${name} = '${value.replaceAll("'", "''")}'`,
  )
}
