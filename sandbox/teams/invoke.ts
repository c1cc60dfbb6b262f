import { z } from 'zod'
import type { Activities, Trigger } from './activities.ts'
import { type Card, type CardAction, cardSchema } from './cards.ts'
import type { Delivered, Delivery } from './delivery.ts'
import type { Message } from './messages.ts'
import type { TeamsPerson } from './roster.ts'

/** The result of a click, as the person's client shows it. */
export type Outcome = { readonly attempts: number } & (
  | { readonly kind: 'card'; readonly card: Card }
  | { readonly kind: 'message'; readonly text: string }
  /** The error bar below the card. */
  | { readonly kind: 'error'; readonly code: string; readonly message: string }
  /** The bot answered with a 4xx status, for which the client shows nothing. */
  | { readonly kind: 'nothing'; readonly status: number }
  | { readonly kind: 'unreachable' }
)

/** The client sends twice more before it shows that the app cannot be reached. */
const MOST_ATTEMPTS = 3

const answerSchema = z.discriminatedUnion('type', [
  z.object({
    statusCode: z.literal(200),
    type: z.literal('application/vnd.microsoft.card.adaptive'),
    value: cardSchema,
  }),
  z.object({
    statusCode: z.literal(200),
    type: z.literal('application/vnd.microsoft.activity.message'),
    value: z.string(),
  }),
  z.object({
    statusCode: z.number().min(400),
    type: z.literal('application/vnd.microsoft.error'),
    value: z.object({ code: z.string(), message: z.string() }),
  }),
  z.object({
    statusCode: z.literal(412),
    type: z.literal('application/vnd.microsoft.error.preconditionFailed'),
    value: z.object({ code: z.string(), message: z.string() }),
  }),
])

export type Invoke = (person: TeamsPerson, message: Message, action: CardAction, trigger: Trigger) => Promise<Outcome>

export function createInvoke(setup: {
  readonly activities: Activities
  readonly delivery: Delivery
  readonly timeoutMs: number
}): Invoke {
  return async (person, message, action, trigger) => {
    const activity = setup.activities.invoke(message, person, action, trigger)
    const facts = { activityId: message.id, person: person.objectId, verb: action.verb ?? '', trigger }
    for (let attempt = 1; ; attempt += 1) {
      const delivered = await setup.delivery.deliver(activity, {
        timeoutMs: setup.timeoutMs,
        facts: { ...facts, attempt },
      })
      const answered = typeof delivered.status === 'number' && delivered.status < 502
      if (answered || attempt === MOST_ATTEMPTS) return { attempts: attempt, ...outcomeOf(delivered) }
    }
  }
}

type SingleOutcome<T = Outcome> = T extends unknown ? Omit<T, 'attempts'> : never

function outcomeOf({ status, body }: Delivered): SingleOutcome {
  if (typeof status !== 'number' || status >= 500) return { kind: 'unreachable' }
  if (status >= 400) return { kind: 'nothing', status }
  const answer = answerSchema.safeParse(body)
  if (!answer.success)
    return { kind: 'error', code: 'UnusableAnswer', message: 'Something went wrong. Please try again.' }
  const { type, value } = answer.data
  if (type === 'application/vnd.microsoft.card.adaptive') return { kind: 'card', card: value }
  if (type === 'application/vnd.microsoft.activity.message') return { kind: 'message', text: value }
  return { kind: 'error', ...value }
}
