import type { Level } from '../rules/levels.ts'
import type { Message } from './channel.ts'
import { compileTemplate } from './template.ts'

/** What one person may ask for, as the rules say at this moment. */
export interface AskForm {
  readonly requesterId: string
  readonly entitlements: readonly Offer[]
  /** What is filled in already. */
  readonly given?: Given
  /** A sentence: why the last try was refused. */
  readonly problem?: string
}

export interface Offer {
  readonly name: string
  readonly scopes: readonly string[]
  readonly levels: readonly Level[]
  readonly defaultMinutes: number
  readonly longestMinutes: number
}

export interface Given {
  readonly scope?: string
  readonly below?: string
  readonly levels?: readonly Level[]
  readonly duration?: string
  readonly reason?: string
  readonly ticket?: string
}

const fill = compileTemplate('form')

export function renderForm(form: AskForm): Message {
  return { card: fill({ requesterId: form.requesterId }), summary: 'Ask for access' }
}
