import { LONGEST_LINE } from '../interactions/parse-command.ts'

/** Teams sends some messages as HTML. A command is read as the person sees it. */

const TAGS = /<\/?(?:at|a|p|div|span|br|b|i|u|em|strong|code|pre)(?:\s[^<>]*)?\/?>/gi
const MENTION = /<at(?:\s[^<>]*)?>[^<>]*<\/at>/gi
/** A URL that Teams made a link, as Markdown. Its text and target may differ; the person has read the text only. */
const LINK = /(?<!\S)\[([^[\]]*)\]\([^()\s]*\)/g
const BLANK: ReadonlySet<string> = new Set([' ', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff'])

const ENTITIES: Readonly<Record<string, string>> = { nbsp: ' ', amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/**
 * A message as a command line. A message that is too long to be a command is returned with its markup, and refused by
 * its length.
 */
export function readChatLine(text: string): string {
  const line = text.replace(/&nbsp;|\u00a0/g, ' ').trim()
  return line.length > LONGEST_LINE ? line : chatLine(line)
}

/** One line as shown on the screen: no tags, no entities, one space between words. */
export function chatLine(text: string): string {
  const plain = text
    .replace(MENTION, ' ')
    .replace(TAGS, (tag) => (/^<\/?a[\s>]/i.test(tag) ? '' : ' '))
    .replace(LINK, '$1')
  return trimmed(plain.replace(/&(#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z]{2,4});/gi, decode).replace(/\s+/g, ' '))
}

/** Trims in linear time. A regular expression for the end would start again at each of a thousand blanks within. */
function trimmed(line: string): string {
  let start = 0
  let end = line.length
  while (start < end && BLANK.has(line.charAt(start))) start += 1
  while (end > start && BLANK.has(line.charAt(end - 1))) end -= 1
  return line.slice(start, end)
}

/** The character of an HTML entity. An unknown entity is returned unchanged. */
function decode(entity: string, name: string): string {
  if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()] ?? entity
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : entity
}
