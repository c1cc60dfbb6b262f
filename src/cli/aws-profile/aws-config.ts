import { Problem } from '../problem.ts'

/**
 * Edits the text of `~/.aws/config`, which is read as latin1, one character for each byte. A profile of Latchkey is a
 * marked comment, the heading below it, and its settings. Every other byte of the file is left as it is.
 */

export interface Profile {
  readonly name: string
  readonly grantId: string
  readonly command: string
  readonly region: string
}

/** The lines of one profile that Latchkey wrote. */
interface Block {
  readonly grantId: string
  readonly name: string
  /** Index of the marked comment. */
  readonly start: number
  /** Index after the last setting. */
  readonly end: number
}

const MARK = /^# latchkey (g-[0-9a-z]{12}):/
const OWN_SETTING = /^(credential_process|region)\s*=/
const HEADING = /^\[\s*(?:profile\s+)?(["']?)(.+?)\1\s*\]/
const NAME = /^[A-Za-z0-9][\w.+@-]{0,63}$/
/** Control characters and line separators: some readers of the file end a line at them. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/u

/**
 * Adds the profile, or updates the one that Latchkey wrote under this name.
 * @throws Problem for an invalid name, and for a name of a profile that Latchkey did not write
 */
export function withProfile(text: string, profile: Profile): string {
  const { name } = profile
  if (!NAME.test(name))
    throw new Problem('A profile is named with letters, digits, and . _ + @ -, and begins with a letter or digit.')
  const lines = text.split('\n')
  const block = blocksOf(lines).find((one) => one.name === name)
  const eol = text.includes('\r\n') ? '\r' : ''
  const written = linesOf(profile).map((line) => `${inUtf8(line)}${eol}`)
  if (block) {
    const others = lines.slice(block.start + 2, block.end).filter((line) => !OWN_SETTING.test(line))
    return lines.toSpliced(block.start, block.end - block.start, ...written, ...others).join('\n')
  }
  if (hasProfile(text, name)) {
    throw new Problem(`There is a profile ${name} that Latchkey did not write. Choose another name with --name.`)
  }
  const last = text === '' || text.endsWith('\n') ? '' : `${eol}\n`
  const gap = text === '' ? '' : `${eol}\n`
  return `${text}${last}${gap}${written.join('\n')}\n`
}

/** Removes the profiles that Latchkey wrote, of the grants for which `isOver` is true. */
export function withoutProfiles(text: string, isOver: (grantId: string) => boolean): string {
  let lines = text.split('\n')
  // The last block is removed first, so that the indexes of the blocks before it stay right.
  for (const { grantId, start, end } of blocksOf(lines).toReversed()) {
    if (!isOver(grantId)) continue
    const from = start > 0 && lines[start - 1]?.trim() === '' ? start - 1 : start
    lines = lines.toSpliced(from, end - from)
  }
  return lines.join('\n')
}

/** The profiles that Latchkey wrote. */
export function profilesIn(text: string): readonly Pick<Block, 'name' | 'grantId'>[] {
  return blocksOf(text.split('\n'))
}

/** Whether the file has a profile of this name, of Latchkey or of anybody else. */
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

/**
 * AWS CLIs read the file as UTF-8, so the line becomes its UTF-8 bytes, one character each.
 * @throws Problem for a control character, which could begin another line
 */
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

/** Blank lines and comments right above the next heading, or at the end of the file, do not belong to the block. */
function endOf(lines: readonly string[], from: number): number {
  const next = lines.findIndex((line, at) => at >= from && line.startsWith('['))
  let end = next < 0 ? lines.length : next
  while (end > from && /^\s*([#;].*)?$/.test(lines[end - 1] ?? '')) end -= 1
  return end
}

/**
 * The command as a line for `credential_process`, with words in double quotes ("Sourcing credentials with an external
 * process", AWS SDKs and Tools Reference Guide). AWS SDKs give the line to a shell, or split it as a shell does. A # or
 * ; after a space begins a comment.
 * @throws Problem for a word with a character that quotes do not protect
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
