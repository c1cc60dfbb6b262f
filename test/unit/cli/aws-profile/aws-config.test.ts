import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  credentialProcess,
  profilesIn,
  withoutProfiles,
  withProfile,
} from '../../../../src/cli/aws-profile/aws-config.ts'

const GRANT = 'g-0123456789ab'
const OTHER = 'g-ba9876543210'
const profile = { name: 'latchkey', grantId: GRANT, command: '"/usr/bin/node" cli.js', region: 'eu-west-1' }
const all = () => true

describe('a profile in the text of ~/.aws/config', () => {
  test('that is taken away leaves what was there before', () => {
    const line = fc.constantFrom(
      '[default]',
      '[profile x]',
      'region = a',
      's3 =',
      '  a = b',
      '',
      '# c',
      '[sso-session y]',
      '; d',
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.constantFrom('\n', '\r\n'), (lines, eol) => {
        const text = lines.map((one) => one + eol).join('')
        expect(withoutProfiles(withProfile(text, profile), all)).toBe(text)
      }),
    )
  })

  test('between others goes without theirs', () => {
    const text = `${withProfile('[default]\nregion = a\n', profile)}\n# mine\n[profile x]\nregion = b\n`
    expect(withoutProfiles(text, all)).toBe('[default]\nregion = a\n\n# mine\n[profile x]\nregion = b\n')
  })

  test('that is written again keeps its place, and what somebody added to it', () => {
    const once = `${withProfile('', profile)}output = json\n\ns3 =\n  max_queue_size = 1\n\n[profile x]\n`
    const again = withProfile(once, { ...profile, grantId: OTHER, region: 'eu-north-1' })
    expect(again).toBe(once.replace(GRANT, OTHER).replace('eu-west-1', 'eu-north-1'))
  })

  test('is written as UTF-8, and what was there stays as it is, in whatever encoding', () => {
    const others = Buffer.from('# caf\xe9\n[default]\n', 'latin1')
    const command = credentialProcess(['/home/Jürgen/ノード/node', 'credentials', GRANT], 'linux')
    const written = Buffer.from(withProfile(others.toString('latin1'), { ...profile, command }), 'latin1')
    expect(written.subarray(0, others.length).equals(others)).toBe(true)
    expect(written.toString()).toContain('credential_process = "/home/Jürgen/ノード/node" credentials g-')
  })

  // U+010A becomes a newline when only its low byte is written.
  test('has one line for each of its settings, whatever Latchkey answers', () => {
    const headings = (text: string) => Buffer.from(text, 'latin1').toString().match(/^\[.*/gm)
    for (const text of ['a\u010a[profile b]', 'a\u0a0a[profile b]', 'a\u200a[profile b]'])
      for (const changes of [{ grantId: text }, { command: text }, { region: text }])
        expect(headings(withProfile('', { ...profile, ...changes }))).toEqual(['[profile latchkey]'])
    for (const control of ['\n', '\r', '\0', '\u0085', '\u2028'])
      for (const changes of [{ grantId: control }, { command: control }, { region: control }])
        expect(() => withProfile('', { ...profile, ...changes })).toThrow('control character')
  })

  test('of a grant that lives stays', () => {
    const both = withProfile(withProfile('', profile), { ...profile, name: 'b', grantId: OTHER })
    expect(profilesIn(withoutProfiles(both, (id) => id === GRANT))).toMatchObject([{ name: 'b' }])
  })

  test.each([
    '[latchkey]',
    '[profile latchkey]',
    '[profile "latchkey"]',
    "[profile 'latchkey']",
    '[ profile  latchkey ]',
  ])('is not put over one that somebody else wrote as %s', (heading) => {
    expect(() => withProfile(`${heading}\nregion = a\n`, profile)).toThrow('Choose another name with --name')
  })
})

test.each([
  [
    ['/usr/bin/node', '/opt/my tools/cli.js', 'credentials', GRANT],
    `"/usr/bin/node" "/opt/my tools/cli.js" credentials ${GRANT}`,
  ],
  [['node', 'cli.js'], 'node cli.js'],
])('the command is quoted word by word', (words, line) => {
  expect(credentialProcess(words, 'linux')).toBe(line)
})

test.each(['/opt/$(id)/node', '/opt/`id`/node', '/opt/"/node', '/opt/\\/node', '/opt/a #b/node', '/opt/a\n[x]/node'])(
  'a folder that a shell or the file would read otherwise is refused: %s',
  (path) => {
    expect(() => credentialProcess([path], 'linux')).toThrow('cannot hold')
  },
)

test('a folder on Windows has backslashes', () => {
  expect(credentialProcess(['C:\\Program Files\\node.exe'], 'win32')).toBe('"C:\\Program Files\\node.exe"')
})
