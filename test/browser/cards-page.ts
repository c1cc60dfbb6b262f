/// <reference lib="dom" />
import { AdaptiveCard, SerializationContext, Versions } from 'adaptivecards'
import { hostConfig } from '../../sandbox/teams/page/host-config.ts'
import { markdownHtml } from '../../sandbox/teams/page/markdown.ts'

/** Renders one card with Microsoft's renderer and the sandbox's Teams style. */

AdaptiveCard.onProcessMarkdown = (text, result) => {
  result.outputHtml = markdownHtml(text)
  result.didProcess = true
}

interface Named {
  readonly name: string
  readonly card: object
}

/** Shows the cards below each other in groups, at this width. */
function show(groups: readonly (readonly Named[])[], widthPx: number): void {
  document.querySelector('main')?.replaceChildren(...groups.map((group) => sectionOf(group, widthPx)))
}

/** The names of cards wider than their frame. */
function tooWide(): readonly string[] {
  const cards = [...document.querySelectorAll<HTMLElement>('.card')]
  return cards.filter((card) => card.scrollWidth > card.clientWidth).map((card) => card.dataset.name ?? '')
}

function sectionOf(group: readonly Named[], widthPx: number): HTMLElement {
  const section = document.createElement('section')
  section.append(...group.map(({ name, card }) => frameOf(name, card, widthPx)))
  return section
}

function frameOf(name: string, json: object, widthPx: number): HTMLElement {
  const card = new AdaptiveCard()
  card.hostConfig = hostConfig
  card.parse(json, new SerializationContext(Versions.v1_5))
  const rendered = card.render()
  const frame = document.createElement('div')
  frame.className = 'card'
  frame.dataset.name = name
  frame.style.width = `${widthPx}px`
  if (rendered) frame.append(rendered)
  keepIdsApart(frame, name)
  return frame
}

const REFERENCES = ['id', 'name', 'for', 'aria-labelledby', 'aria-describedby', 'aria-controls', 'aria-owns']

/** The renderer uses an input's id as element id, and this page has many cards. */
function keepIdsApart(frame: HTMLElement, name: string): void {
  const prefix = `${name.replace(/[^a-z]+/gi, '-')}--`
  for (const one of frame.querySelectorAll('*')) {
    for (const key of REFERENCES) {
      const value = one.getAttribute(key)
      if (value)
        one.setAttribute(
          key,
          value
            .split(' ')
            .map((id) => prefix + id)
            .join(' '),
        )
    }
  }
}

Object.assign(window, { show, tooWide })
