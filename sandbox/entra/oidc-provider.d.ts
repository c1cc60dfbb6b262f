/** The part of oidc-provider 9 that the sandbox uses; the package ships no types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  export interface ProviderClient {
    readonly clientId: string
  }

  export interface OidcContext {
    readonly oidc: {
      readonly client: ProviderClient
      readonly params: { readonly scope?: string; readonly resource?: string | readonly string[] }
    }
  }

  export interface TokenPayload {
    [claim: string]: unknown
  }

  export interface ProviderToken {
    readonly kind: string
    readonly accountId?: string
    readonly clientId: string
    readonly scope?: string
  }

  export interface InteractionDetails {
    readonly uid: string
    readonly prompt: {
      readonly name: string
      readonly details: {
        readonly missingOIDCScope?: readonly string[]
        readonly missingOIDCClaims?: readonly string[]
        readonly missingResourceScopes?: Readonly<Record<string, readonly string[]>>
      }
    }
    readonly params: { readonly client_id: string; readonly login_hint?: string; readonly demanded?: string }
    readonly session?: { readonly accountId: string }
    readonly grantId?: string
  }

  interface Grant {
    addOIDCScope(scope: string): void
    addOIDCClaims(claims: readonly string[]): void
    addResourceScope(resource: string, scope: string): void
    save(): Promise<string>
  }

  interface GrantClass {
    new (properties: { accountId: string; clientId: string }): Grant
    find(id: string): Promise<Grant | undefined>
  }

  export class Provider {
    constructor(issuer: string, configuration: object)
    readonly Grant: GrantClass
    callback(): (request: IncomingMessage, response: ServerResponse) => void
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<InteractionDetails>
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>
    on(event: string, listener: (...facts: unknown[]) => void): this
  }

  export const errors: {
    readonly InvalidTarget: new (message?: string) => Error
  }
}
