import {
  ActivityRequestError,
  ActivityRequestTrigger,
  AdaptiveApplet,
  AdaptiveCard,
  ChannelAdapter,
  ErrorResponse,
  ExecuteAction,
  GlobalSettings,
  type IActivityRequest,
  OpenUrlAction,
  RefreshMode,
  SerializationContext,
  SubmitAction,
  SuccessResponse,
  Versions,
} from 'adaptivecards'
import { type Card, refreshActionFor } from '../cards.ts'
import type { Outcome } from '../invoke.ts'
import { element, post } from './element.ts'
import { hostConfig } from './host-config.ts'
import { markdownHtml } from './markdown.ts'

/** One card in one person's client, on Microsoft's implementation of Universal Actions. */

const STALE_MS = 60_000
const UNREACHABLE = 'Unable to reach the app. Please try again.'

GlobalSettings.applets.logEnabled = false
GlobalSettings.applets.maximumRetryAttempts = 0
GlobalSettings.applets.refresh.mode = RefreshMode.Automatic
GlobalSettings.applets.refresh.timeBetweenAutomaticRefreshes = 0
GlobalSettings.applets.refresh.maximumConsecutiveAutomaticRefreshes = 1
GlobalSettings.applets.refresh.allowManualRefreshesAfterAutomaticRefreshes = false

AdaptiveCard.onProcessMarkdown = (text, result) => {
  result.outputHtml = markdownHtml(text)
  result.didProcess = true
}

export interface ShownCard {
  readonly element: HTMLElement
  /** Shows the stored card and drops the refreshed one. */
  setBase(card: Card): void
  /** The person opens the conversation again. */
  reopen(): void
  refreshByHand(): void
}

interface Reader {
  readonly objectId: string
  /** `29:…` */
  readonly id: string
  readonly members: number
}

let cards = 0

export function showCard(activityId: string, reader: Reader): ShownCard {
  cards += 1
  const prefix = `card${cards}-`
  const applet = new AdaptiveApplet()
  const status = element('div', { class: 'answer', hidden: '' })
  const frame = element('div', { class: 'card' }, applet.renderedElement, status)
  let current: Card | undefined
  /** The time at which this client refreshed the card. */
  let gotAt: number | undefined

  function say(kind: 'note' | 'error', text: string): void {
    status.className = `answer ${kind}`
    status.setAttribute('role', kind === 'error' ? 'alert' : 'status')
    status.textContent = text
    status.hidden = false
  }

  class Channel extends ChannelAdapter {
    async sendRequestAsync(request: IActivityRequest) {
      const { action } = request
      if (!(action instanceof ExecuteAction)) {
        return new ErrorResponse(request, new ActivityRequestError('NotSupported', 'The sandbox has no search yet.'))
      }
      const manual = request.trigger === ActivityRequestTrigger.Manual
      const outcome = (await post(`/people/${reader.objectId}/invoke`, {
        activityId,
        trigger: manual ? 'manual' : 'automatic',
        action: { id: action.id, title: action.title, verb: action.verb, data: action.data ?? {} },
      })) as Outcome
      // Without a response the applet retries for ever; an error ends its attempts.
      if (outcome.kind === 'nothing') throw new Error('The bot answered with an HTTP error: Teams shows nothing.')
      if (outcome.kind === 'error' || outcome.kind === 'unreachable') {
        const text = outcome.kind === 'error' ? outcome.message : UNREACHABLE
        if (manual) say('error', text)
        return new ErrorResponse(request, new ActivityRequestError(outcome.kind, text))
      }
      status.hidden = true
      if (outcome.kind === 'card') gotAt = Date.now()
      else say('note', outcome.text)
      return new SuccessResponse(request, JSON.stringify(outcome.kind === 'card' ? outcome.card : outcome.text))
    }
  }

  applet.hostConfig = hostConfig
  applet.channelAdapter = new Channel()
  applet.onCreateSerializationContext = () => new SerializationContext(Versions.v1_5)
  applet.onActivityRequestFailed = () => -1
  applet.onCardChanging = (_, card: Card) => {
    current = card
    return true
  }
  applet.onPrepareActivityRequest = (_, request) => {
    if (request.trigger === ActivityRequestTrigger.Manual) return true
    const stale = gotAt === undefined || Date.now() - gotAt > STALE_MS
    return stale && current !== undefined && refreshActionFor(current, reader.id, reader.members) !== undefined
  }
  applet.onCreateProgressOverlay = () => {
    frame.classList.add('busy')
    return undefined
  }
  applet.onRemoveProgressOverlay = () => frame.classList.remove('busy')
  applet.onAction = (_, action) => {
    if (action instanceof OpenUrlAction && /^https?:/.test(action.url ?? ''))
      window.open(action.url, '_blank', 'noopener')
    if (action instanceof SubmitAction) {
      post(`/people/${reader.objectId}/submit`, { activityId, data: action.data ?? {} }).catch(() =>
        say('error', UNREACHABLE),
      )
    }
  }
  keepIdsApart(applet.renderedElement, prefix)

  return {
    element: frame,
    setBase(card) {
      gotAt = undefined
      status.hidden = true
      applet.setCard(card)
    },
    reopen() {
      if (current !== undefined && gotAt !== undefined && Date.now() - gotAt > STALE_MS) applet.setCard(current)
    },
    refreshByHand: () => applet.refreshCard(),
  }
}

const REFERENCES = ['for', 'aria-labelledby', 'aria-describedby', 'aria-controls', 'aria-owns']

/** The renderer uses an input's id as element id, and the same form may be on the page several times. */
function keepIdsApart(root: HTMLElement, prefix: string): void {
  const apart = (id: string) => (id === '' || id.startsWith(prefix) ? id : prefix + id)
  const options = { subtree: true, childList: true, attributes: true, attributeFilter: ['id', ...REFERENCES] }
  const observer = new MutationObserver(rename)
  function rename(): void {
    for (const one of root.querySelectorAll('*')) {
      if (one.id !== '') one.id = apart(one.id)
      for (const name of REFERENCES) {
        const value = one.getAttribute(name)
        if (value !== null) one.setAttribute(name, value.split(' ').map(apart).join(' '))
      }
    }
    observer.takeRecords()
  }
  observer.observe(root, options)
}
