import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCommand } from '../../../src/interactions/parse-command.ts'
import { readRequestLine } from '../../../src/interactions/parse-request-line.ts'
import { LEVELS } from '../../../src/rules/levels.ts'
import { parseScope } from '../../../src/rules/scope.ts'
import { chatLine, readChatLine } from '../../../src/teams/chat-text.ts'

/** What a line of Teams says, with the markup that it came with. */
const commandOf = (typed: string) => parseCommand(readChatLine(typed))

const SCOPE = 's3://finance-reports/2026/'
const FIX = { scopes: [SCOPE], levels: ['write'], duration: '45m', reason: 'month-end fix' }

const asks: readonly (readonly [line: string, ask: object])[] = [
  [`request write ${SCOPE} for 45m because month-end fix`, FIX],
  [`REQUEST Write ${SCOPE} FOR 45M BECAUSE month-end fix`, FIX],
  [`Request write access to ${SCOPE} for 45 minutes, because month-end fix`, FIX],
  [`request write ${SCOPE}, for 45m, because: month-end fix`, FIX],
  [`request for 45 min write on ${SCOPE}. Because month-end fix`, FIX],
  [`request\u00a0write\u00a0${SCOPE}\u00a0for\u00a045m\u00a0because\u00a0month-end\u00a0fix`, FIX],
  [`request&nbsp;write ${SCOPE} for 45m because month-end fix`, FIX],
  [`request write “${SCOPE}” for 45m because month-end fix`, FIX],
  [`request write ‘${SCOPE}’ for 45m because month-end fix`, FIX],
  [`request write &lt;${SCOPE}&gt; for 45m because month-end fix`, FIX],
  [`request write <${SCOPE}> for 45m because month-end fix`, FIX],
  [`<p>request write <a href="${SCOPE}">${SCOPE}</a> for 45m because month-end fix</p>`, FIX],
  [`request write [${SCOPE}](${SCOPE}) for 45m because month-end fix`, FIX],
  [`<at>Latchkey</at> request write ${SCOPE} for 45m because month-end fix`, FIX],
  [`  request\n write ${SCOPE}\r\n for 45m because month-end fix \u200b`, FIX],
  [`request write ${SCOPE} ticket FIN-12 for 45m because month-end fix`, { ...FIX, ticket: 'FIN-12' }],
  [`request read,write ${SCOPE} because a &amp; b`, { scopes: [SCOPE], levels: ['read', 'write'], reason: 'a & b' }],
  [`request write and read ${SCOPE} because it`, { scopes: [SCOPE], levels: ['read', 'write'], reason: 'it' }],
  [`request write, read ${SCOPE} because it`, { scopes: [SCOPE], levels: ['read', 'write'], reason: 'it' }],
  [
    `request read "s3://finance-reports/a file, 1.csv" because it`,
    { scopes: ['s3://finance-reports/a file, 1.csv'], levels: ['read'], reason: 'it' },
  ],
  [
    `request read ${SCOPE}q1/, ${SCOPE}q2/ for 2 hours because it`,
    { scopes: [`${SCOPE}q1/`, `${SCOPE}q2/`], levels: ['read'], duration: '2h', reason: 'it' },
  ],
  [
    `request read ${SCOPE} because because of s3://payroll/ for 9d`,
    { scopes: [SCOPE], levels: ['read'], reason: 'because of s3://payroll/ for 9d' },
  ],
]

describe('asking in one line', () => {
  test.each(asks)('%s', (line, ask) => {
    expect(commandOf(line)).toEqual({ kind: 'ask', ask })
  })
})

const malformed: readonly (readonly [line: string, says: RegExp])[] = [
  [`request ${SCOPE} because it`, /lacks a level \(read, write, delete, purge, tag\)\. For example/],
  ['request write because it', /lacks a scope/],
  [`request write ${SCOPE}`, /lacks a reason/],
  [`request write ${SCOPE} because`, /lacks a reason/],
  ['request everything', /lacks a level .* and a scope .* and a reason .* I cannot read “everything”/],
  [`request write s3://finance-reports/a file.csv because it`, /cannot read “file\.csv” .* stands in quotes/],
  [`request bucket-policy ${SCOPE} because it`, /bucket-policy needs two approvers, which this version/],
  [`request own ${SCOPE} because it`, /lacks a level .* I cannot read “own”/],
  [`request write,own ${SCOPE} because it`, /cannot read “write,own”/],
  [`request write ${SCOPE} for because it`, /cannot read “for”/],
  [`request write ${SCOPE} ticket because it`, /cannot read “ticket”/],
  [`request write ${SCOPE} for 45m for 8h because it`, /cannot read “for”/],
]

describe('a line that asks for something else than was meant asks for nothing', () => {
  test.each(malformed)('%s', (line, says) => {
    const command = commandOf(line)
    expect(command).toEqual({ kind: 'malformed', sentence: expect.stringMatching(says) })
    expect(command).toHaveProperty('sentence', expect.stringContaining('request write s3://'))
  })
})

const others: readonly (readonly [line: string, command: object])[] = [
  ['request', { kind: 'form' }],
  ['Request.', { kind: 'form' }],
  ['request access', { kind: 'form' }],
  ['my access', { kind: 'access' }],
  ['My\u00a0Access!', { kind: 'access' }],
  ['status', { kind: 'access' }],
  ['done', { kind: 'end' }],
  ['Done!', { kind: 'end' }],
  ['done g-7m2k9x0qv4tz', { kind: 'end', grantId: 'g-7m2k9x0qv4tz' }],
  ['done “G-7M2K9X0QV4TZ”.', { kind: 'end', grantId: 'g-7m2k9x0qv4tz' }],
  ['revoke g-7m2k9x0qv4tz', { kind: 'end', grantId: 'g-7m2k9x0qv4tz' }],
  ['extend for 1 hour because it runs', { kind: 'extend', ask: { duration: '1h', reason: 'it runs' } }],
  [
    'Extend G-7M2K9X0QV4TZ ticket FIN-12 because it runs',
    { kind: 'extend', ask: { grantId: 'g-7m2k9x0qv4tz', ticket: 'FIN-12', reason: 'it runs' } },
  ],
  ['extend', { kind: 'malformed', sentence: expect.stringContaining('a reason') }],
  ['extend everything because it', { kind: 'malformed', sentence: expect.stringContaining('nothing else') }],
  [`extend write ${SCOPE} because it`, { kind: 'malformed', sentence: expect.stringContaining('nothing else') }],
  ['cancel <r-7m2k9x0qv4tz>', { kind: 'cancel', requestId: 'r-7m2k9x0qv4tz' }],
  ['approve', { kind: 'review' }],
  ['deny r-7m2k9x0qv4tz please', { kind: 'review', requestId: 'r-7m2k9x0qv4tz' }],
  ['help', { kind: 'help' }],
  ['', { kind: 'help' }],
  ['hello there', { kind: 'help' }],
  ['my access to everything', { kind: 'help' }],
  ['requests', { kind: 'help' }],
  ['done with lunch', { kind: 'malformed', sentence: expect.stringContaining('g-') }],
  ['revoke', { kind: 'malformed', sentence: expect.stringContaining('g-') }],
  ['cancel', { kind: 'malformed', sentence: expect.stringContaining('r-') }],
  ['cancel everything now', { kind: 'malformed', sentence: expect.stringContaining('r-') }],
]

describe('commands', () => {
  test.each(others)('“%s”', (line, command) => {
    expect(commandOf(line)).toEqual(command)
  })
})

describe('a line of any size costs no more than its size', () => {
  // Work that grows with the square of this size would take minutes.
  const SIZE = 300_000
  const pieces = [
    '\u200b',
    ' \u200b',
    '\n',
    '<',
    '<a ',
    '<at>',
    '<at ',
    '</',
    '[',
    ' [',
    ' [](',
    '](',
    '&',
    '&#',
    '"',
    ' "a',
    " 'a",
    ' <a',
    ',',
    ' for 1',
    ' s3:/',
  ]
  const many = (piece: string) => `a${piece.repeat(SIZE / piece.length)}a`

  test.each(pieces)('of %j', (piece) => {
    expect(chatLine(many(piece)).startsWith('a')).toBe(true)
    expect(readRequestLine(many(piece)).readable).toBe(false)
  })

  test('blanks that nobody sees belong to a line only within it', () => {
    expect(chatLine(` \u200b \u200dhelp\u200bme \ufeff \u2060`)).toBe('help\u200bme')
  })

  test('and what is too long is not read at all', () => {
    const line = `request write ${SCOPE} because `
    expect(commandOf(line.padEnd(4_000, 'x'))).toHaveProperty('kind', 'ask')
    const sentence = expect.stringMatching(/4000 characters at most.*Say it shorter/)
    for (const text of [line.padEnd(4_001, 'x'), many('\u200b')])
      expect(commandOf(text)).toEqual({ kind: 'malformed', sentence })
  })

  test('markup that nobody sees counts too', () => {
    const markup = '<b></b>'.repeat(572)
    expect(commandOf(`request write ${SCOPE} because it${markup.slice(0, 3_500)}`)).toHaveProperty('kind', 'ask')
    expect(commandOf(`request write ${SCOPE} because it${markup}`)).toHaveProperty('kind', 'malformed')
    expect(parseCommand('x'.repeat(4_001))).toHaveProperty('kind', 'malformed')
  })
})

test('whatever is typed, something is answered', () => {
  const pieces = fc.constantFrom(
    'request',
    'write',
    'because',
    'for',
    's3://b/',
    '"',
    '<',
    '&#x110000;',
    '&lt;',
    '“',
    ',',
    ' ',
  )
  const lines = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.oneof(pieces, fc.string())).map((all) => all.join(' ')),
  )
  fc.assert(
    fc.property(lines, (line) => {
      expect(commandOf(line).kind).toMatch(/^(form|ask|malformed|access|end|cancel|review|help)$/)
    }),
    { numRuns: 2000 },
  )
})

test('a scope is taken letter by letter as it stands: nothing that is typed asks for more', () => {
  const key = fc.stringMatching(/^[!"#%-),-;=@-Z\][^-z|~]{1,20}$/)
  const quotes = fc.constantFrom(['', ''], ['“', '”'])
  fc.assert(
    fc.property(key, fc.subarray([...LEVELS], { minLength: 1 }), quotes, (tail, levels, [open, close]) => {
      const scope = `s3://finance-reports/2026/${tail}`
      const command = commandOf(`request ${levels.join(' and ')} ${open}${scope}${close} because it`)
      if (command.kind !== 'ask') return
      const [read = ''] = command.ask.scopes
      const isWhole = read === scope || (open === '' && scope.replace(/[,;.!]+$/, '') === read)
      expect([isWhole, command.ask.scopes.length, command.ask.levels]).toEqual([true, 1, levels])
    }),
    { numRuns: 1000 },
  )
})

test('a canonical scope that ends in no stop is read as it is', () => {
  const segment = fc.stringMatching(/^[a-z0-9][a-zA-Z0-9_.%-]{0,8}[a-z0-9]$/)
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 4 }), fc.constantFrom('', '/'), (segments, end) => {
      const scope = `s3://finance-reports/${segments.join('/')}${segments.length > 0 ? end : ''}`
      const command = commandOf(`request delete ${scope} because it`)
      expect(command).toMatchObject({ kind: 'ask', ask: { scopes: [scope] } })
      expect(() => parseScope(scope)).not.toThrow()
    }),
  )
})
