import { randomUUID } from 'node:crypto'
import type { Activity, TurnContext } from 'botbuilder'
import { z } from 'zod'
import type { Bot, Turn } from '../interactions/interaction.ts'
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

export interface AdapterNeeds {
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
export async function teamsAdapter(needs: AdapterNeeds): Promise<TeamsAdapter> {
  await refuseWithoutAuthentication(needs.settings)
  const adapter = cloudAdapter(needs.settings)
  return {
    process: (authorization, body) => processOne(adapter, authorization, body, (context) => onTurn(needs, context)),
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
async function onTurn(needs: AdapterNeeds, context: TurnContext): Promise<void> {
  const { activity } = context
  const reference = randomUUID()
  const failed = (error: unknown) => needs.log.error({ err: error, reference }, 'turn failed')
  try {
    if (activity.type === 'invoke') await answerInvoke(needs, context, reference, failed)
    else await hear(needs, context, reference, failed)
  } catch (error) {
    failed(error)
  }
}

async function answerInvoke(
  needs: AdapterNeeds,
  context: TurnContext,
  reference: string,
  failed: (error: unknown) => void,
): Promise<void> {
  const body = await invoked(needs, context).catch((error: unknown) => {
    failed(error)
    return invokeFailure(reference)
  })
  await context.sendActivity({ type: 'invokeResponse', value: { status: 200, body } })
}

async function invoked(needs: AdapterNeeds, context: TurnContext): Promise<InvokeAnswer | undefined> {
  const heard = parseActivity(context.activity)
  if (heard.name === 'application/search') return NOTHING_FOUND
  const action = heard.name === 'adaptiveCard/action' ? executedAction(heard, heard.value) : undefined
  const turn = action && turnFor(needs, context, heard)
  return action && turn && invokeAnswer(await needs.bot.acted(turn, action))
}

/** Whatever comes from nobody, or means nothing to the bot, is taken and left. */
async function hear(
  needs: AdapterNeeds,
  context: TurnContext,
  reference: string,
  failed: (error: unknown) => void,
): Promise<void> {
  const heard = parseActivity(context.activity)
  const act = actFor(needs.bot, context.activity, heard)
  const turn = act && turnFor(needs, context, heard)
  if (act === undefined || turn === undefined) return
  try {
    await act(turn)
  } catch (error) {
    failed(error)
    await turn.reply(wentWrong(reference))
  }
}

function actFor(bot: Bot, activity: Activity, heard: Heard): ((turn: Turn) => Promise<void>) | undefined {
  if (isArrival(heard)) return (turn) => bot.installed(turn)
  if (heard.type !== 'message') return undefined
  return (turn) => bot.said(turn, textOf(activity))
}

function turnFor({ tenantId, settings }: AdapterNeeds, context: TurnContext, heard: Heard): Turn | undefined {
  const caller = personOf(heard, tenantId, settings.appId)
  return caller && turnOf(context, caller)
}
