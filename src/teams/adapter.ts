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

/** The SDK's type promises more fields than anything here reads. */
const sdkActivity = z.custom<SdkActivity>()

export interface TeamsAdapter {
  /** One activity that passed the door; the SDK authenticates it once more by its own means. */
  process(authorization: string, parsed: ParsedActivity): Promise<Processed>
}

/** Forwards what Teams sends to the bot, and the bot's answers to Teams. */
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

/** The SDK says 500 in the same class where it could not get the keys. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 401
}

/** How a fault is told: to the log with its error, to the person with the reference only. */
interface Fault {
  readonly reference: string
  log(error: unknown): void
}

/** No error leaves a turn: the SDK would answer with its text, or with nothing at all. */
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
      return await orSayWhatFailed(interaction, fault, bot.onMessage(interaction, content.message))
    }
    case 'installed': {
      const interaction = interactionIn(context, content.sender)
      return await orSayWhatFailed(interaction, fault, bot.onInstalled(interaction))
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

async function orSayWhatFailed(interaction: Interaction, fault: Fault, work: Promise<void>): Promise<void> {
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
