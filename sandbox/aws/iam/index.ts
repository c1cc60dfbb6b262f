import { ownAccount } from '../authorize.ts'
import { AwsError, type ServiceHandler } from '../call.ts'
import type { SandboxCore } from '../core.ts'
import { queryError, queryReply, readForm } from '../query.ts'
import { ACCOUNT_ACTIONS } from './account-details.ts'
import type { IamAction } from './context.ts'
import { INLINE_ACTIONS } from './inline.ts'
import { MANAGED_ACTIONS } from './managed.ts'
import { ROLE_ACTIONS } from './roles.ts'
import { USER_ACTIONS } from './users.ts'

const NAMESPACE = 'https://iam.amazonaws.com/doc/2010-05-08/'

const ACTIONS: Readonly<Record<string, IamAction>> = {
  ...ROLE_ACTIONS,
  ...INLINE_ACTIONS,
  ...MANAGED_ACTIONS,
  ...USER_ACTIONS,
  ...ACCOUNT_ACTIONS,
}

/** The IAM Query API (IAM API Reference, 2010-05-08). */
export function iamService(core: SandboxCore): ServiceHandler {
  return {
    service: 'iam',
    describe(request) {
      const { Action: action = '', Version: _, ...parameters } = readForm(request)
      if (ACTIONS[action] === undefined) {
        throw new AwsError('InvalidAction', 400, `Could not find operation ${action} for version 2010-05-08`)
      }
      return { service: 'iam', action, parameters }
    },
    handle(call) {
      // IAM acts only in the account of the caller.
      const own = { ...core, state: ownAccount(core.state, call.identity) }
      const result = ACTIONS[call.action]?.({ core: own, call, form: readForm(call.request) })
      return { reply: queryReply(call.action, result, NAMESPACE, call.request.requestId) }
    },
    renderError: (error, request) => queryError(error, NAMESPACE, request.requestId),
  }
}
