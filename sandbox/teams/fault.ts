/** The connector's refusals, with the codes of "Send and receive messages with a bot", "Status codes from bot conversational APIs". */
export class TeamsFault extends Error {
  override readonly name = 'TeamsFault'
  readonly status: number
  readonly code: string
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, code: string, message: string, retryAfterSeconds?: number) {
    super(message)
    this.status = status
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export function badSyntax(message: string): TeamsFault {
  return new TeamsFault(400, 'BadSyntax', message)
}

export function conversationNotFound(): TeamsFault {
  return new TeamsFault(404, 'ConversationNotFound', 'Conversation not found.')
}

export function activityNotFound(): TeamsFault {
  return new TeamsFault(404, 'ActivityNotFoundInConversation', 'The activity was not found in the conversation.')
}

export function memberNotFound(): TeamsFault {
  return new TeamsFault(404, 'MemberNotFoundInConversation', 'The member was not found in the conversation.')
}

export function notInRoster(): TeamsFault {
  return new TeamsFault(403, 'BotNotInConversationRoster', 'The bot is not part of the conversation roster.')
}

export function blockedByUser(): TeamsFault {
  return new TeamsFault(403, 'ConversationBlockedByUser', 'User blocked the conversation with the bot.')
}

export function messageTooBig(): TeamsFault {
  return new TeamsFault(413, 'MessageSizeTooBig', 'Message size too large.')
}

export function concurrentOperations(): TeamsFault {
  return new TeamsFault(412, 'PreconditionFailed', 'Precondition failed, please try again.')
}

export function throttled(retryAfterSeconds: number): TeamsFault {
  return new TeamsFault(429, 'Throttled', 'Too many requests.', retryAfterSeconds)
}

/** Injected statuses with their code in the table of status codes. */
const INJECTED: Readonly<Record<number, readonly [code: string, message: string]>> = {
  403: ['BotDisabledByAdmin', 'The tenant admin disabled this bot.'],
  404: ['ConversationNotFound', 'Conversation not found.'],
  412: ['PreconditionFailed', 'Precondition failed, please try again.'],
  413: ['MessageSizeTooBig', 'Message size too large.'],
  429: ['Throttled', 'Too many requests.'],
  500: ['ServiceError', 'Internal server error.'],
  502: ['ServiceError', 'Bad gateway.'],
  503: ['ServiceUnavailable', 'Service unavailable.'],
  504: ['GatewayTimeout', 'Gateway timeout.'],
}

export function injected(status: number, retryAfterSeconds?: number): TeamsFault {
  const [code, message] = INJECTED[status] ?? ['ServiceError', `Status ${status}.`]
  return new TeamsFault(status, code, message, retryAfterSeconds)
}
