import { z } from 'zod'
import { GRAPH_SCOPE, type GraphOptions, graphCredential } from './client.ts'

const claims = z.object({ roles: z.array(z.string()).default([]) })

/** What an administrator consented to, as the token for Graph says. @throws what the library throws where there is no token */
export async function readPermissions(options: Omit<GraphOptions, 'graphBaseUrl'>): Promise<readonly string[]> {
  const { token } = await graphCredential(options).getToken(GRAPH_SCOPE)
  const [, body = ''] = token.split('.')
  return claims.parse(JSON.parse(Buffer.from(body, 'base64url').toString())).roles
}
