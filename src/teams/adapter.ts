import { randomUUID } from 'node:crypto'
import type { Activity as SdkActivity, TurnContext } from 'botbuilder'
import { z } from 'zod'
import type { Bot, Interaction } from '../interactions/interaction.ts'
import type { Activity } from './activity.ts'
import { cloudAdapter, refuseWithoutAuthentication } from './authentication.ts'
import type { BotSettings } from './bot-settings.ts'
import { interactionIn } from './interaction.ts'
import { type InvokeAnswer, invokeAnswer, invokeFailure, NOTHING_FOUND, wentWrong } from './invoke-answer.ts'
import type { ActivityContent, ParsedActivity } from './parse-activity.ts'

interface Log {
  info(data: object, message: string): void
  error(data: object, message: string): void
}

export interface AdapterDeps {
  readonly settings: BotSettings
  readonly bot: Bot
  readonly log: Log
}

export interface Processed {
  readonly status: number
  readonly body: unknown
}

/** Passes an activity on as the SDK's type, which has more fields than are read here. */
const sdkActivity = z.custom<SdkActivity>()

export interface TeamsAdapter {
  /** Processes one activity that the route has verified. The SDK authenticates it again by its own means. */
  process(authorization: string, parsed: ParsedActivity): Promise<Processed>
}

/** Forwards activities of Teams to the bot, and the bot's answers to Teams. */
export async function teamsAdapter(deps: AdapterDeps): Promise<TeamsAdapter> {
  await refuseWithoutAuthentication(deps.settings)
  const adapter = cloudAdapter(deps.settings)
  return {
    process: (authorization, { activity, content }) =>
      processOne(adapter, authorization, activity, (context) => onTurn(deps, context, content)),
  }
}

async function processOne(
  adapter: ReturnType<typeof cloudAdapter>,
  authorization: string,
  activity: Activity,
  logic: (context: TurnContext) => Promise<void>,
): Promise<Processed> {
  try {
    const answer = await adapter.hear(authorization, sdkActivity.parse(activity), logic)
    return { status: answer?.status ?? 200, body: answer?.body }
  } catch (error) {
    if (isRefusal(error)) return { status: 401, body: undefined }
    throw error
  }
}

/** Whether the SDK refused the caller. It throws the same class with 500 if it could not get the keys. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 401
}

/** How a fault is reported: the log gets the error, the person gets only the reference. */
interface Fault {
  readonly reference: string
  log(error: unknown): void
}

/**
 * Catches every error: the SDK would send the error's text to the person, or nothing at all. (`Turn` is the SDK's
 * word.)
 */
async function onTurn(deps: AdapterDeps, context: TurnContext, content: ActivityContent): Promise<void> {
  const reference = randomUUID()
  const fault = { reference, log: (err: unknown) => deps.log.error({ err, reference }, 'turn failed') }
  try {
    await forward(deps, context, content, fault)
  } catch (error) {
    fault.log(error)
  }
}

async function forward(
  { bot, log }: AdapterDeps,
  context: TurnContext,
  content: ActivityContent,
  fault: Fault,
): Promise<void> {
  switch (content.kind) {
    case 'message': {
      const interaction = interactionIn(context, content.sender)
      return await replyOnFault(interaction, fault, bot.onMessage(interaction, content.message))
    }
    case 'installed': {
      const interaction = interactionIn(context, content.sender)
      return await replyOnFault(interaction, fault, bot.onInstalled(interaction))
    }
    case 'click': {
      const answer = bot.onClick(interactionIn(context, content.sender), content.click)
      return await answerInvoke(context, fault, answer.then(invokeAnswer))
    }
    case 'form-search':
      return await answerInvoke(context, fault, Promise.resolve(NOTHING_FOUND))
    case 'unsupported':
      log.info({ reason: content.reason }, 'activity not supported')
      if (content.isInvoke) await answerInvoke(context, fault, Promise.resolve(undefined))
  }
}

async function replyOnFault(interaction: Interaction, fault: Fault, work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    fault.log(error)
    await interaction.reply(wentWrong(fault.reference))
  }
}

async function answerInvoke(
  context: TurnContext,
  fault: Fault,
  answer: Promise<InvokeAnswer | undefined>,
): Promise<void> {
  const body = await answer.catch((error: unknown) => {
    fault.log(error)
    return invokeFailure(fault.reference)
  })
  await context.sendActivity({ type: 'invokeResponse', value: { status: 200, body } })
}
