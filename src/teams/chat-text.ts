import { LONGEST_LINE } from '../interactions/parse-command.ts'

/** Teams sends some of what people type as HTML. What they see is what counts. */

const TAGS = /<\/?(?:at|a|p|div|span|br|b|i|u|em|strong|code|pre)(?:\s[^<>]*)?\/?>/gi
const MENTION = /<at(?:\s[^<>]*)?>[^<>]*<\/at>/gi
/** An address that was made a link, as Markdown; its text and its target may differ, and only the text was read. */
const LINK = /(?<!\S)\[([^[\]]*)\]\([^()\s]*\)/g
const BLANK: ReadonlySet<string> = new Set([' ', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff'])

const ENTITIES: Readonly<Record<string, string>> = { nbsp: ' ', amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** What is too long to be a command keeps its markup: its length, markup included, is what refuses it. */
export function readChatLine(text: string): string {
  const line = text.replace(/&nbsp;|\u00a0/g, ' ').trim()
  return line.length > LONGEST_LINE ? line : chatLine(line)
}

/** One line as it was read on the screen: no tags, no entities, one space between words. */
export function chatLine(text: string): string {
  const plain = text
    .replace(MENTION, ' ')
    .replace(TAGS, (tag) => (/^<\/?a[\s>]/i.test(tag) ? '' : ' '))
    .replace(LINK, '$1')
  return trimmed(plain.replace(/&(#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z]{2,4});/gi, decode).replace(/\s+/g, ' '))
}

/** By steps: an expression that looks for the end would begin again at each of a thousand blanks within. */
function trimmed(line: string): string {
  let start = 0
  let end = line.length
  while (start < end && BLANK.has(line.charAt(start))) start += 1
  while (end > start && BLANK.has(line.charAt(end - 1))) end -= 1
  return line.slice(start, end)
}

/** What this does not know stays as it stands. */
function decode(entity: string, name: string): string {
  if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()] ?? entity
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : entity
}
