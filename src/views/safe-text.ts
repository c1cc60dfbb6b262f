/** What people and AWS wrote, as runs of a RichTextBlock: the one place of a card where nothing in a text is read as markdown. */

export interface TextRun {
  readonly type: 'TextRun'
  readonly text: string
  readonly weight?: 'Bolder'
  readonly fontType?: 'Monospace'
  readonly isSubtle?: true
  readonly color?: 'Attention'
}

type Look = Omit<TextRun, 'type' | 'text'>

/** Renderers also look into runs for these functions, one run at a time. */
const CARD_FUNCTION = /(?<=\{)(?=\{(?:DATE|TIME)\()/gi

const MOST_PARTS = 20

/**
 * One line break in a name could forge a line of the card, and a change of direction could turn a key around. Fillers and tags are blank,
 * or nothing at all: two keys would look alike. (Flags of regions are written with tags: they lose them.)
 */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu

/**
 * Joiners change how Persian, the scripts of India and emoji look: between letters without case and emoji they stay. Next to anything else,
 * as within a Latin word, they could only hide.
 */
const LOST_JOINER =
  /(?<![\p{Lo}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}])[\u200c\u200d]|[\u200c\u200d](?![\p{Lo}\p{Extended_Pictographic}])/gu

const BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g

/** On one line, with every character that cannot be seen made visible. */
export function plain(text: string): string {
  return text.toWellFormed().replace(BREAKS, ' ').replace(HIDDEN, '\ufffd').replace(LOST_JOINER, '\ufffd')
}

/** Shown letter by letter, whatever it holds. */
export function textRuns(text: string, look: Look = {}): readonly TextRun[] {
  // A renderer drops an empty run, or the whole block.
  const parts = (plain(text) || '–').split(CARD_FUNCTION)
  // So many runs would outgrow the card; nobody means so many of them.
  const shown = parts.length > MOST_PARTS ? [parts.join(' ')] : parts
  return shown.map((part) => ({ type: 'TextRun', text: part, ...look }))
}

export function clip(text: string, longest: number): string {
  const letters = Array.from(text)
  return letters.length <= longest ? text : `${letters.slice(0, longest - 1).join('')}…`
}

/** The end of a key says most: it stays. */
export function cutMiddle(text: string, longest: number): string {
  const letters = Array.from(plain(text))
  if (letters.length <= longest) return letters.join('')
  const end = Math.ceil(longest * 0.6)
  return `${letters.slice(0, longest - end - 1).join('')}…${letters.slice(-end).join('')}`
}
