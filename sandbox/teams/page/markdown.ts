/** Teams renders bold, italic, lists and links; headings, tables, images, code and HTML stay as text ("Format cards in Microsoft Teams"). */

const LINK = /\[([^\]]+)\]\(((?:https?:\/\/|mailto:)[^\s)]+)\)/g

export function markdownHtml(text: string): string {
  const blocks: string[] = []
  let list: { readonly tag: 'ul' | 'ol'; readonly items: string[] } | undefined
  let lines: string[] = []

  function endParagraph(): void {
    if (lines.length > 0) blocks.push(`<p>${lines.join('<br>')}</p>`)
    lines = []
  }
  function endList(): void {
    if (list !== undefined)
      blocks.push(`<${list.tag}>${list.items.map((item) => `<li>${item}</li>`).join('')}</${list.tag}>`)
    list = undefined
  }

  for (const line of text.split(/\r\n|\n|\r/)) {
    const item = /^\s*([-*]|\d+\.)\s+(.*)$/.exec(line)
    if (item !== null) {
      const tag = item[1] === '-' || item[1] === '*' ? 'ul' : 'ol'
      endParagraph()
      if (list?.tag !== tag) endList()
      list ??= { tag, items: [] }
      list.items.push(inline(item[2] ?? ''))
      continue
    }
    endList()
    if (line.trim() === '') endParagraph()
    else lines.push(inline(line))
  }
  endParagraph()
  endList()
  return blocks.join('')
}

function inline(text: string): string {
  let out = ''
  let end = 0
  for (const match of text.matchAll(LINK)) {
    const [whole, label = '', href = ''] = match
    out += emphasis(escapeHtml(text.slice(end, match.index)))
    out += `<a href="${escapeHtml(href)}" target="_blank" rel="noopener noreferrer">${emphasis(escapeHtml(label))}</a>`
    end = match.index + whole.length
  }
  return out + emphasis(escapeHtml(text.slice(end)))
}

function emphasis(escaped: string): string {
  return escaped
    .replace(/\*\*(\S(?:.*?\S)?)\*\*/g, '<strong>$1</strong>')
    .replace(/(?<![\w*])\*(\S(?:[^*]*?\S)?)\*(?![\w*])/g, '<em>$1</em>')
    .replace(/(?<![\w_])_(\S(?:[^_]*?\S)?)_(?![\w_])/g, '<em>$1</em>')
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
