import { randomUUID } from 'node:crypto'
import type { Activity, TurnContext } from 'botbuilder'
import { z } from 'zod'
import type { Bot, Interaction } from '../interactions/interaction.ts'
import { activitySchema, type Heard, parseActivity, personOf } from './activity.ts'
import { cloudAdapter, refuseWithoutAuthentication } from './authentication.ts'
import type { BotSettings } from './bot-settings.ts'
import { type InvokeAnswer, invokeAnswer, invokeFailure, NOTHING_FOUND, wentWrong } from './invoke-answer.ts'
import { executedAction, isArrival, textOf } from './read-activity.ts'
import { turnOf } from './turn.ts'

interface Log {
  warn(data: object, message: string): void
  error(data: object, message: string): void
}

export interface AdapterDeps {
  readonly settings: BotSettings
  /** Whose people may speak. */
  readonly tenantId: string
  readonly bot: Bot
  readonly log: Log
}

export interface Processed {
  readonly status: number
  readonly body: unknown
}

/** Of what the SDK's type promises it needs no more than ours does; dates stay as text, which nobody reads. */
const sdkActivity = z.custom<Activity>((value) => activitySchema.safeParse(value).success)

export interface TeamsAdapter {
  /** One activity that passed the door; the SDK authenticates it once more by its own means. */
  process(authorization: string, body: Readonly<Record<string, unknown>>): Promise<Processed>
}

/** Converts what Teams sends into turns of the bot, and its answers into what Teams shows. */
export async function teamsAdapter(deps: AdapterDeps): Promise<TeamsAdapter> {
  await refuseWithoutAuthentication(deps.settings)
  const adapter = cloudAdapter(deps.settings)
  return {
    process: (authorization, body) => processOne(adapter, authorization, body, (context) => onTurn(deps, context)),
  }
}

async function processOne(
  adapter: ReturnType<typeof cloudAdapter>,
  authorization: string,
  body: unknown,
  logic: (context: TurnContext) => Promise<void>,
): Promise<Processed> {
  try {
    const answer = await adapter.hear(authorization, sdkActivity.parse(body), logic)
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

/** No error leaves a turn: the SDK would answer with its text, or with nothing at all. */
async function onTurn(deps: AdapterDeps, context: TurnContext): Promise<void> {
  const { activity } = context
  const reference = randomUUID()
  const failed = (error: unknown) => deps.log.error({ err: error, reference }, 'turn failed')
  try {
    if (activity.type === 'invoke') await answerInvoke(deps, context, reference, failed)
    else await hear(deps, context, reference, failed)
  } catch (error) {
    failed(error)
  }
}

async function answerInvoke(
  deps: AdapterDeps,
  context: TurnContext,
  reference: string,
  failed: (error: unknown) => void,
): Promise<void> {
  const body = await invoked(deps, context).catch((error: unknown) => {
    failed(error)
    return invokeFailure(reference)
  })
  await context.sendActivity({ type: 'invokeResponse', value: { status: 200, body } })
}

async function invoked(deps: AdapterDeps, context: TurnContext): Promise<InvokeAnswer | undefined> {
  const heard = parseActivity(context.activity)
  if (heard.name === 'application/search') return NOTHING_FOUND
  const click = heard.name === 'adaptiveCard/action' ? executedAction(heard, heard.value) : undefined
  const interaction = click && turnFor(deps, context, heard)
  return click && interaction && invokeAnswer(await deps.bot.acted(interaction, click))
}

/** Whatever comes from nobody, or means nothing to the bot, is taken and left. */
async function hear(
  deps: AdapterDeps,
  context: TurnContext,
  reference: string,
  failed: (error: unknown) => void,
): Promise<void> {
  const heard = parseActivity(context.activity)
  const act = actFor(deps.bot, context.activity, heard)
  const interaction = act && turnFor(deps, context, heard)
  if (act === undefined || interaction === undefined) return
  try {
    await act(interaction)
  } catch (error) {
    failed(error)
    await interaction.reply(wentWrong(reference))
  }
}

function actFor(bot: Bot, activity: Activity, heard: Heard): ((interaction: Interaction) => Promise<void>) | undefined {
  if (isArrival(heard)) return (interaction) => bot.installed(interaction)
  if (heard.type !== 'message') return undefined
  return (interaction) => bot.said(interaction, textOf(activity))
}

function turnFor({ tenantId, settings }: AdapterDeps, context: TurnContext, heard: Heard): Interaction | undefined {
  const caller = personOf(heard, tenantId, settings.appId)
  return caller && turnOf(context, caller)
}
