/**
 * Untrusted text on cards. It goes into runs of a RichTextBlock, the only element of a card that never reads text as
 * markdown.
 */

export interface TextRun {
  readonly type: 'TextRun'
  readonly text: string
  readonly weight?: 'Bolder'
  readonly fontType?: 'Monospace'
  readonly isSubtle?: true
  readonly color?: 'Attention'
}

type TextStyle = Omit<TextRun, 'type' | 'text'>

/**
 * Renderers evaluate these functions inside a run too, but they read each run alone. So the text is split between the
 * two braces.
 */
const CARD_FUNCTION = /(?<=\{)(?=\{(?:DATE|TIME)\()/gi

const MOST_RUNS = 20

/**
 * Characters that are invisible or that change other text. A line break in a name could forge a line of the card; a
 * change of direction could reverse a key. Fillers and tags could make two keys look alike. (Flags of regions are
 * written with tags, so they lose them.)
 */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are the ones to replace.
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu

/**
 * Zero-width joiners outside the scripts that need them. Persian, the scripts of India and emoji need joiners, so those
 * between emoji, or between letters that have no upper and lower case, are allowed. Elsewhere, for example in a Latin word, a joiner is only
 * invisible.
 */
const LOST_JOINER =
  /(?<![\p{Lo}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}])[\u200c\u200d]|[\u200c\u200d](?![\p{Lo}\p{Extended_Pictographic}])/gu

const BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g

/** The text on one line. Each invisible character becomes U+FFFD. */
export function plain(text: string): string {
  return text.toWellFormed().replace(BREAKS, ' ').replace(HIDDEN, '\ufffd').replace(LOST_JOINER, '\ufffd')
}

/** Runs that show the text literally: no markdown, no functions of the card. */
export function textRuns(text: string, style: TextStyle = {}): readonly TextRun[] {
  // Not empty: some renderers drop an empty run, others the whole block.
  const pieces = (plain(text) || '–').split(CARD_FUNCTION)
  // More runs would make the card too large. A space between the braces makes each function harmless too.
  const texts = pieces.length > MOST_RUNS ? [pieces.join(' ')] : pieces
  return texts.map((one) => ({ type: 'TextRun', text: one, ...style }))
}

export function clip(text: string, longest: number): string {
  const letters = Array.from(text)
  return letters.length <= longest ? text : `${letters.slice(0, longest - 1).join('')}…`
}

/** Shortens from the middle and leaves 60 % for the end, because the end of a key tells most. */
export function cutMiddle(text: string, longest: number): string {
  const letters = Array.from(plain(text))
  if (letters.length <= longest) return letters.join('')
  const end = Math.ceil(longest * 0.6)
  return `${letters.slice(0, longest - end - 1).join('')}…${letters.slice(-end).join('')}`
}
