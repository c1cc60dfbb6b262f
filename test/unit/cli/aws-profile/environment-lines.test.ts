import { describe, expect, test } from 'vitest'
import { environmentLines } from '../../../../src/cli/aws-profile/environment-lines.ts'

const credentials = {
  Version: 1,
  AccessKeyId: 'ASIAEXAMPLE',
  SecretAccessKey: 'wJalr/XUtn+FEMI',
  SessionToken: 'IQoJb3Jp/+Z2lu==',
  Expiration: '2026-11-22T10:00:00+00:00',
} as const

describe('credentials as lines for a shell', () => {
  test('set each variable to its value', () => {
    expect(environmentLines(credentials, 'eu-west-1', 'sh')).toContain("export AWS_SESSION_TOKEN='IQoJb3Jp/+Z2lu=='")
    expect(environmentLines(credentials, null, 'powershell')).toEqual([
      "$Env:AWS_ACCESS_KEY_ID = 'ASIAEXAMPLE'",
      "$Env:AWS_SECRET_ACCESS_KEY = 'wJalr/XUtn+FEMI'",
      "$Env:AWS_SESSION_TOKEN = 'IQoJb3Jp/+Z2lu=='",
      "$Env:AWS_CREDENTIAL_EXPIRATION = '2026-11-22T10:00:00+00:00'",
    ])
  })

  // PowerShell reads each of U+2018 to U+201B as a single quote.
  test.each(["'", '\u2018', '\u2019', '\u201a', '\u201b', '\n', '\0', '`', '$(id)', ' ', ''])(
    'are none where one of them holds %j, which a shell could read otherwise',
    (text) => {
      for (const shell of ['sh', 'powershell'] as const) {
        const value = text === '' ? '' : `a${text}b`
        const forged = { ...credentials, SessionToken: value }
        expect(() => environmentLines(forged, 'eu-west-1', shell)).toThrow('that AWS does not give')
        expect(() => environmentLines(credentials, value, shell)).toThrow('that AWS does not give')
      }
    },
  )
})
