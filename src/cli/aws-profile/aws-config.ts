import { Problem } from '../problem.ts'

/**
 * The text of `~/.aws/config`, a character for each of its bytes (latin1), and the profiles in it that Latchkey wrote: a marked comment, the
 * heading below it, and its settings. Everything else stays as it is, to the byte.
 */

export interface Profile {
  readonly name: string
  readonly grantId: string
  readonly command: string
  readonly region: string
}

interface Block {
  readonly grantId: string
  readonly name: string
  /** Of the marked comment, and behind the last setting. */
  readonly start: number
  readonly end: number
}

const MARK = /^# latchkey (g-[0-9a-z]{12}):/
const OURS = /^(credential_process|region)\s*=/
const HEADING = /^\[\s*(?:profile\s+)?(["']?)(.+?)\1\s*\]/
const NAME = /^[A-Za-z0-9][\w.+@-]{0,63}$/
/** What ends a line, for whoever reads the file. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/u

/** The profile, new or brought up to date. @throws Problem for a name that is somebody else's */
export function withProfile(text: string, profile: Profile): string {
  const { name } = profile
  if (!NAME.test(name))
    throw new Problem('A profile is named with letters, digits, and . _ + @ -, and begins with a letter or digit.')
  const lines = text.split('\n')
  const block = blocksOf(lines).find((one) => one.name === name)
  const eol = text.includes('\r\n') ? '\r' : ''
  const written = linesOf(profile).map((line) => `${inUtf8(line)}${eol}`)
  if (block) {
    const kept = lines.slice(block.start + 2, block.end).filter((line) => !OURS.test(line))
    return lines.toSpliced(block.start, block.end - block.start, ...written, ...kept).join('\n')
  }
  if (hasProfile(text, name)) {
    throw new Problem(`There is a profile ${name} that Latchkey did not write. Choose another name with --name.`)
  }
  const last = text === '' || text.endsWith('\n') ? '' : `${eol}\n`
  const gap = text === '' ? '' : `${eol}\n`
  return `${text}${last}${gap}${written.join('\n')}\n`
}

/** Without the profiles of those grants that Latchkey wrote. */
export function withoutProfiles(text: string, isOver: (grantId: string) => boolean): string {
  let lines = text.split('\n')
  // From the last one on, so that the others stay where they are.
  for (const { grantId, start, end } of blocksOf(lines).toReversed()) {
    if (!isOver(grantId)) continue
    const from = start > 0 && lines[start - 1]?.trim() === '' ? start - 1 : start
    lines = lines.toSpliced(from, end - from)
  }
  return lines.join('\n')
}

/** Those that Latchkey wrote. */
export function profilesIn(text: string): readonly Pick<Block, 'name' | 'grantId'>[] {
  return blocksOf(text.split('\n'))
}

/** Whoever wrote it. */
export function hasProfile(text: string, name: string): boolean {
  return text.split('\n').some((line) => HEADING.exec(line)?.[2] === name)
}

function linesOf({ name, grantId, command, region }: Profile): readonly string[] {
  return [
    `# latchkey ${grantId}: written by \`latchkey profile\`; once the grant is over that takes it away, as \`latchkey done\` does`,
    `[profile ${name}]`,
    `credential_process = ${command}`,
    `region = ${region}`,
  ]
}

/** In the bytes that AWS CLIs read. @throws Problem for what would be more than one line */
function inUtf8(line: string): string {
  if (CONTROL.test(line)) {
    throw new Problem(
      'The profile would hold a control character, which an AWS config file cannot. It was not written.',
    )
  }
  return Buffer.from(line, 'utf8').toString('latin1')
}

function blocksOf(lines: readonly string[]): readonly Block[] {
  return lines.flatMap((line, start) => {
    const grantId = MARK.exec(line)?.[1]
    const name = HEADING.exec(lines[start + 1] ?? '')?.[2]
    return grantId === undefined || name === undefined ? [] : [{ grantId, name, start, end: endOf(lines, start + 2) }]
  })
}

/** What stands right above the next heading, or at the end of the file, belongs to what follows: blank lines and comments. */
function endOf(lines: readonly string[], from: number): number {
  const next = lines.findIndex((line, at) => at >= from && line.startsWith('['))
  let end = next < 0 ? lines.length : next
  while (end > from && /^\s*([#;].*)?$/.test(lines[end - 1] ?? '')) end -= 1
  return end
}

/**
 * Each word in double quotes, as "Sourcing credentials with an external process" (AWS SDKs and Tools Reference Guide) has it; AWS SDKs hand the
 * line to a shell, or take it apart like one, and a # after a space begins a comment.
 */
export function credentialProcess(words: readonly string[], platform: NodeJS.Platform = process.platform): string {
  const dangerous = platform === 'win32' ? /["%\r\n]| [#;]/ : /["$`\\\r\n]| [#;]/
  const word = words.find((one) => dangerous.test(one))
  if (word !== undefined) {
    throw new Problem(
      'The folder of Latchkey or of node has a character in its name that an AWS config file cannot hold. Install them in another one.',
    )
  }
  return words.map((one) => (/^[\w.-]+$/.test(one) ? one : `"${one}"`)).join(' ')
}
