import type { ReviewNeeds } from '../access-requests/review/review-access-request.ts'
import { renderHelp } from '../cards/help-card.ts'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import { askByForm } from './ask-by-form.ts'
import { askByLine, extendByLine, type FormNeeds, formFor } from './ask-by-line.ts'
import { cancel, done, review, view } from './click-on-card.ts'
import type { Action, Answer, Bot, Turn } from './interaction.ts'
import { cancelByWord, endByWord, myAccess } from './my-access.ts'
import { type Command, parseCommand } from './parse-command.ts'
import type { PresentNeeds } from './present-card.ts'
import { reviveCopies } from './revive-messages.ts'

/** To ask, to decide and to show; never to vend: no credential has a way into a chat. */
export type BotNeeds = FormNeeds & ReviewNeeds & PresentNeeds

const NOT_HERE = 'Ask me that in our own chat: there it is for your eyes only.'

/** What people say and click, answered by the same use cases as the API. */
export function latchkeyBot(needs: BotNeeds): Bot {
  return {
    async said(turn, text) {
      try {
        await follow(needs, turn, parseCommand(text))
      } catch (error) {
        await turn.reply(sayRefusal(turn, refusalOf(error)))
      }
    },
    async acted(turn, action) {
      try {
        return await act(needs, turn, action)
      } catch (error) {
        const { code, message } = refusalOf(error)
        return { error: { code, message } }
      }
    },
    async installed(turn) {
      // In a conversation of many nobody asked for a welcome.
      if (!isPersonal(turn)) return
      await reviveCopies(needs, turn.caller.objectId)
      await turn.reply(renderHelp())
    },
  }
}

/** What is not a refusal is a fault, and not for whoever calls to read. */
function refusalOf(error: unknown): LatchkeyError {
  if (error instanceof LatchkeyError) return error
  throw error
}

/** Said in a conversation of many, it is read by all of them: why it was refused, not what this person could have. */
function sayRefusal(turn: Turn, refusal: LatchkeyError): string {
  if (isPersonal(turn) || !isLatchkeyError(refusal, 'NOT_ELIGIBLE') || refusal.facts.mayAsk.length === 0)
    return refusal.message
  return `${refusal.facts.reason} Say request in our own chat to see what you may ask for.`
}

function isPersonal({ conversation }: Turn): boolean {
  return conversation.conversationType === 'personal'
}

async function follow(needs: BotNeeds, turn: Turn, command: Command): Promise<void> {
  const { caller } = turn
  switch (command.kind) {
    case 'form':
      // Also in a channel, where one asks: there everybody reads which scopes this person may ask for, and nothing of what they have.
      return await turn.reply(await formFor(needs, caller))
    case 'ask':
      return await askByLine(needs, turn, command.ask)
    case 'malformed':
      return await turn.reply(command.sentence)
    case 'access':
      return await turn.reply(isPersonal(turn) ? await myAccess(needs, caller) : NOT_HERE)
    case 'end':
      return await turn.reply(await endByWord(needs, caller, command.grantId))
    case 'extend':
      return await extendByLine(needs, turn, command.ask)
    case 'cancel':
      return await turn.reply(await cancelByWord(needs, caller, command.requestId))
    case 'review':
      return await turn.reply(whereToReview(needs, command.requestId))
    case 'help':
      return await turn.reply(renderHelp())
  }
}

/** A word in a chat does not say what it says yes to. */
function whereToReview({ publicUrl }: BotNeeds, requestId: string | undefined): string {
  const page = requestId === undefined ? '' : `, or at ${publicUrl}/requests/${requestId}`
  return `Nothing was decided. Decide with the buttons of the request's card${page}. my access lists what waits for you.`
}

async function act(needs: BotNeeds, turn: Turn, action: Action): Promise<Answer> {
  switch (action.verb) {
    case 'ask':
      return await askByForm(needs, turn, action)
    case 'approve':
    case 'deny':
      return await review(needs, turn, action, action.verb)
    case 'view':
      return await view(needs, turn, action)
    case 'done':
      return await done(needs, turn, action)
    case 'cancel':
      return await cancel(needs, turn, action)
    default:
      throw new LatchkeyError('BAD_INPUT', {
        problem: 'This card is of another version of Latchkey. Say my access for the cards as they are now.',
      })
  }
}
