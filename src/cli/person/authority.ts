import { z } from 'zod'
import { callApi } from './call-api.ts'

/** Where people of this Latchkey sign in. Its OpenAPI document says so. */
export interface Authority {
  readonly openIdConnectUrl: string
  readonly clientId: string
  readonly scope: string
  /** The authentication context that Entra must demand. */
  readonly mfaContext?: string | undefined
}

const openApi = z.object({
  components: z.object({
    securitySchemes: z.object({
      entra: z.object({
        openIdConnectUrl: z.url({ protocol: /^https$/ }),
        'x-latchkey-client-id': z.string(),
        'x-latchkey-scope': z.string(),
        'x-latchkey-mfa-context': z.string().optional(),
      }),
    }),
  }),
})

export async function fetchAuthority(url: string): Promise<Authority> {
  const { entra } = (await callApi(url, '/api/v1/openapi.json', openApi)).components.securitySchemes
  return {
    openIdConnectUrl: entra.openIdConnectUrl,
    clientId: entra['x-latchkey-client-id'],
    scope: entra['x-latchkey-scope'],
    mfaContext: entra['x-latchkey-mfa-context'],
  }
}
