import { avatar, button, element, post } from './element.ts'
import { markdownHtml } from './markdown.ts'
import { type ShownCard, showCard } from './shown-card.ts'
import type { Snapshot, WireMessage, WirePerson } from './wire.ts'

/** One person's Teams: the chat with the bot and a channel with threads. */

type Where = 'personal' | 'channel'

interface Line {
  readonly element: HTMLElement
  readonly content: HTMLElement
  card: ShownCard | undefined
  refresh: HTMLElement | undefined
  version: number
}

export interface Room {
  readonly element: HTMLElement
  readonly person: WirePerson
  receive(message: WireMessage): void
  setApp(app: WirePerson['app']): void
  reopen(): void
}

const TIME = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hour12: false })

const NEAR_END_PIXELS = 40

const OUT_OF_REACH: Readonly<
  Record<string, { readonly sentence: string; readonly act: string; readonly path: string }>
> = {
  blocked: { sentence: 'You blocked this app.', act: 'Unblock', path: 'unblock' },
  removed: { sentence: 'This app is not installed for you.', act: 'Add', path: 'install' },
}

export function createRoom(person: WirePerson, snapshot: Snapshot): Room {
  const { botName, channelName, teamName, members } = snapshot
  const key = `room-${person.objectId}`
  const lines = new Map<string, Line>()
  const threads = new Map<string, HTMLElement>()
  const unread = { personal: 0, channel: 0 }
  /** True while the newest message is in view. The list then scrolls along when a card grows. */
  const following = { personal: true, channel: true }
  const growing = new ResizeObserver(() => follow())
  let where: Where = 'personal'

  const chatLog = element('div', {
    class: 'log',
    role: 'log',
    'aria-label': `Chat of ${person.name} with ${botName}`,
    tabindex: '0',
  })
  const channelLog = element('div', {
    class: 'log threads',
    role: 'log',
    'aria-label': `Channel ${channelName}, as ${person.name} sees it`,
    tabindex: '0',
  })
  const appLine = element('p', { class: 'app', hidden: '' })
  const chatComposer = composer('personal', undefined)
  const tabs = {
    personal: tab('personal', botName),
    channel: tab('channel', `${teamName} › ${channelName}`),
  }
  const panels = {
    personal: panel('personal', chatLog, appLine, chatComposer),
    channel: panel('channel', channelLog, composer('channel', undefined)),
  }
  const tabBar = element(
    'div',
    { class: 'tabs', role: 'tablist', 'aria-label': `Places of ${person.name}` },
    tabs.personal,
    tabs.channel,
  )
  const root = element(
    'section',
    { class: 'room', 'aria-label': `Teams of ${person.name}`, 'data-person': person.objectId },
    element(
      'header',
      {},
      avatar(person.name, 'person'),
      element('div', { class: 'who' }, element('h2', {}, person.name), element('p', {}, person.jobTitle)),
    ),
    tabBar,
    panels.personal,
    panels.channel,
  )
  tabBar.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
    go(where === 'personal' ? 'channel' : 'personal')
    tabs[where].focus()
  })

  function tab(at: Where, name: string): HTMLButtonElement {
    const made = button(name, { role: 'tab', id: `${key}-${at}-tab`, 'aria-controls': `${key}-${at}` }, () => go(at))
    made.append(element('span', { class: 'unread', hidden: '' }))
    return made
  }

  function panel(at: Where, ...children: readonly HTMLElement[]): HTMLElement {
    return element(
      'div',
      { class: 'panel', role: 'tabpanel', id: `${key}-${at}`, 'aria-labelledby': `${key}-${at}-tab` },
      ...children,
    )
  }

  function go(at: Where): void {
    where = at
    for (const one of ['personal', 'channel'] as const) {
      tabs[one].setAttribute('aria-selected', String(one === at))
      tabs[one].tabIndex = one === at ? 0 : -1
      panels[one].hidden = one !== at
    }
    unread[at] = 0
    showUnread(at)
    following[at] = true
    toEnd(at)
    reopen()
  }

  function showUnread(at: Where): void {
    const badge = tabs[at].querySelector('.unread')
    if (!(badge instanceof HTMLElement)) return
    badge.hidden = unread[at] === 0
    badge.textContent = String(unread[at])
    badge.setAttribute('aria-label', `${unread[at]} unread`)
  }

  function toEnd(at: Where): void {
    const log = at === 'personal' ? chatLog : channelLog
    log.scrollTop = log.scrollHeight
  }

  function follow(): void {
    if (following[where]) toEnd(where)
  }

  function reopen(): void {
    for (const line of lines.values()) if (panels[where].contains(line.element)) line.card?.reopen()
  }

  function composer(at: Where, thread: string | undefined): HTMLFormElement {
    const label = at === 'personal' ? `Message ${botName}` : thread === undefined ? 'Start a thread' : 'Reply'
    const field = element('textarea', { rows: '1', 'aria-label': `${label}, as ${person.name}`, placeholder: label })
    const fault = element('p', { class: 'fault', role: 'alert', hidden: '' })
    const send = element('button', { type: 'submit', class: 'send', 'aria-label': `Send, as ${person.name}` }, 'Send')
    const mention = button(`@${botName}`, { class: 'mention', 'aria-label': `Mention ${botName}` }, () => {
      field.setRangeText(`@${botName} `, field.selectionStart, field.selectionEnd, 'end')
      field.focus()
    })
    const form = element('form', { class: 'composer' }, field, ...(at === 'channel' ? [mention] : []), send, fault)
    field.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey) return
      event.preventDefault()
      form.requestSubmit()
    })
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const text = field.value.trim()
      if (text === '') return
      field.value = ''
      fault.hidden = true
      say(at, text, thread).catch((error: Error) => {
        fault.textContent = error.message
        fault.hidden = false
      })
    })
    return form
  }

  async function say(at: Where, text: string, thread: string | undefined): Promise<void> {
    const body = { text, where: at, ...(thread === undefined ? {} : { thread }) }
    const answer = (await post(`/people/${person.objectId}/say`, body)) as { readonly status?: number | string }
    if (answer.status !== undefined && !(Number(answer.status) < 400)) {
      throw new Error(`${botName} did not take the message (${answer.status}).`)
    }
    if (answer.status === undefined && at === 'channel') {
      throw new Error(`${botName} only sees messages that mention it: @${botName}.`)
    }
  }

  function threadFor(root: string): HTMLElement {
    const known = threads.get(root)
    if (known !== undefined) return known
    const replies = element('div', { class: 'replies' })
    const form = composer('channel', root)
    form.hidden = true
    const reply = button('Reply', { class: 'reply', 'aria-label': 'Reply in this thread' }, () => {
      form.hidden = false
      reply.hidden = true
      form.querySelector('textarea')?.focus()
    })
    channelLog.append(element('article', { class: 'thread' }, replies, reply, form))
    threads.set(root, replies)
    return replies
  }

  function lineFor(message: WireMessage): Line {
    const known = lines.get(message.id)
    if (known !== undefined) return known
    const own = message.from === person.objectId
    const content = element('div', { class: 'content' })
    const time = element('time', { datetime: new Date(message.at).toISOString() }, TIME.format(message.at))
    const head = element('p', { class: 'head' }, element('span', { class: 'name' }, message.fromName), time)
    const body = element('div', { class: 'body' }, head, content)
    const kind = message.from === 'bot' ? 'bot' : 'person'
    const line = element(
      'div',
      { class: `message${own ? ' own' : ''}`, 'data-message': message.id },
      avatar(message.fromName, kind),
      body,
    )
    const log = message.postedIn.kind === 'personal' ? chatLog : threadFor(message.postedIn.root)
    log.append(line)
    growing.observe(line)
    const made: Line = { element: line, content, card: undefined, refresh: undefined, version: 0 }
    lines.set(message.id, made)
    return made
  }

  function fill(line: Line, message: WireMessage): void {
    line.element.classList.toggle('edited', message.edited)
    if (message.deleted || message.card === undefined) {
      line.card = undefined
      line.content.replaceChildren(bubble(message))
      return
    }
    if (line.card === undefined) {
      const card = showCard(message.id, {
        objectId: person.objectId,
        id: person.id,
        members: message.postedIn.kind === 'personal' ? 1 : members,
      })
      line.card = card
      line.refresh = button('Refresh', { class: 'refresh', 'aria-label': 'Refresh card' }, card.refreshByHand)
      line.content.replaceChildren(card.element, line.refresh)
    }
    if (line.refresh !== undefined) line.refresh.hidden = !('refresh' in message.card)
    line.card.setBase(message.card)
  }

  function bubble(message: WireMessage): HTMLElement {
    if (message.deleted) return element('p', { class: 'bubble gone' }, 'This message has been deleted.')
    const made = element('div', { class: 'bubble' })
    if (message.format === 'markdown') made.innerHTML = markdownHtml(message.text)
    else made.append(...mentions(message.text, `@${botName}`))
    return made
  }

  function setApp(app: WirePerson['app']): void {
    const reason = OUT_OF_REACH[app]
    const act = (label: string, path: string) =>
      button(label, { 'aria-label': `${label} ${botName}, as ${person.name}` }, () => {
        void post(`/people/${person.objectId}/${path}`, {})
      })
    appLine.hidden = false
    appLine.replaceChildren(
      ...(reason === undefined
        ? [act('Block', 'block'), act('Remove app', 'uninstall')]
        : [element('span', {}, reason.sentence), act(reason.act, reason.path)]),
    )
    appLine.classList.toggle('reason', reason !== undefined)
    chatComposer.hidden = reason !== undefined
  }

  for (const [at, log] of [
    ['personal', chatLog],
    ['channel', channelLog],
  ] as const) {
    log.addEventListener('scroll', () => {
      following[at] = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PIXELS
    })
  }
  setApp(person.app)
  go('personal')
  return {
    element: root,
    person,
    setApp,
    reopen,
    receive(message) {
      const at = message.postedIn.kind
      if (message.postedIn.kind === 'personal' && message.postedIn.owner !== person.objectId) return
      const line = lineFor(message)
      if (line.version >= message.version) return
      const isNew = line.version === 0
      line.version = message.version
      fill(line, message)
      if (!isNew) return
      if (at !== where && message.from !== person.objectId) unread[at] += 1
      showUnread(at)
      if (message.from === person.objectId) following[at] = true
      follow()
    },
  }
}

function mentions(text: string, mention: string): (Node | string)[] {
  return text.split(mention).flatMap((part, index) => {
    return index === 0 ? [part] : [element('span', { class: 'at' }, mention.slice(1)), part]
  })
}
