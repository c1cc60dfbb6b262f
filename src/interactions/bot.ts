import type { ReviewDeps } from '../access-requests/review/review-access-request.ts'
import { renderHelp } from '../cards/help-card.ts'
import { isLatchkeyError, LatchkeyError } from '../errors.ts'
import { isPersonal } from '../messages/message.ts'
import { askByForm } from './ask-by-form.ts'
import { askByLine, extendByLine, type FormDeps, formFor } from './ask-by-line.ts'
import { cancel, done, review, view } from './click-on-card.ts'
import type { Bot, ChatMessage, Click, ClickAnswer, Interaction } from './interaction.ts'
import { cancelByWord, endByWord, myAccess } from './my-access.ts'
import { type Command, parseCommand } from './parse-command.ts'
import type { PresentDeps } from './present-card.ts'
import { reviveMessages } from './revive-messages.ts'

/** The bot can ask, decide and show. It has nothing to vend with, so that no credential gets into a chat. */
export type BotDeps = FormDeps & ReviewDeps & PresentDeps

const NOT_HERE = 'Ask me that in our own chat: there it is for your eyes only.'

/** Answers messages and clicks by the same use cases as the API. */
export function latchkeyBot(deps: BotDeps): Bot {
  return {
    async onMessage(interaction, message) {
      try {
        await runCommand(deps, interaction, message, parseCommand(message.text))
      } catch (error) {
        await interaction.reply(sayRefusal(interaction, refusalOf(error)))
      }
    },
    async onClick(interaction, click) {
      try {
        return await answerClick(deps, interaction, click)
      } catch (error) {
        const { code, message } = refusalOf(error)
        return { error: { code, message } }
      }
    },
    async onInstalled(interaction) {
      // No welcome in a channel or group chat: nobody asked for it there.
      if (!isPersonal(interaction.conversation)) return
      await reviveMessages(deps, interaction.caller.objectId)
      await interaction.reply(renderHelp())
    },
  }
}

/** @throws an error that is not a refusal: it is a fault, and its text is not for people */
function refusalOf(error: unknown): LatchkeyError {
  if (error instanceof LatchkeyError) return error
  throw error
}

/** Outside the personal chat everybody reads the reply, so it does not list what this person may ask for. */
function sayRefusal({ conversation }: Interaction, refusal: LatchkeyError): string {
  if (isPersonal(conversation) || !isLatchkeyError(refusal, 'NOT_ELIGIBLE') || refusal.facts.mayAsk.length === 0)
    return refusal.message
  return `${refusal.facts.reason} Say request in our own chat to see what you may ask for.`
}

async function runCommand(
  deps: BotDeps,
  interaction: Interaction,
  message: ChatMessage,
  command: Command,
): Promise<void> {
  const { caller } = interaction
  switch (command.kind) {
    case 'form':
      // The form is shown in a channel too, because people ask there. Everybody there reads which scopes this person
      // may ask for, but not what they have.
      return await interaction.reply(await formFor(deps, caller))
    case 'ask':
      return await askByLine(deps, interaction, message, command.ask)
    case 'malformed':
      return await interaction.reply(command.sentence)
    case 'access':
      return await interaction.reply(isPersonal(interaction.conversation) ? await myAccess(deps, caller) : NOT_HERE)
    case 'end':
      return await interaction.reply(await endByWord(deps, caller, command.grantId))
    case 'extend':
      return await extendByLine(deps, interaction, message, command.ask)
    case 'cancel':
      return await interaction.reply(await cancelByWord(deps, caller, command.requestId))
    case 'review':
      return await interaction.reply(whereToReview(deps, command.requestId))
    case 'help':
      return await interaction.reply(renderHelp())
  }
}

/**
 * The words `approve` and `deny` decide nothing, since a word does not name the version of the request that was read.
 */
function whereToReview({ publicUrl }: BotDeps, requestId: string | undefined): string {
  const page = requestId === undefined ? '' : `, or at ${publicUrl}/requests/${requestId}`
  return `Nothing was decided. Decide with the buttons of the request's card${page}. my access lists what waits for you.`
}

async function answerClick(deps: BotDeps, interaction: Interaction, click: Click): Promise<ClickAnswer> {
  const { caller } = interaction
  switch (click.verb) {
    case 'ask':
      return await askByForm(deps, interaction, click)
    case 'approve':
    case 'deny':
      return await review(deps, caller, click, click.verb)
    case 'view':
      return await view(deps, caller, click)
    case 'done':
      return await done(deps, caller, click)
    case 'cancel':
      return await cancel(deps, caller, click)
    default:
      throw new LatchkeyError('BAD_INPUT', {
        problem: 'This card is of another version of Latchkey. Say my access for the cards as they are now.',
      })
  }
}
