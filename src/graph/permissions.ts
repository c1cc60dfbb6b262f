import { z } from 'zod'
import { GRAPH_SCOPE, type GraphOptions, graphCredential } from './client.ts'

const claims = z.object({ roles: z.array(z.string()).default([]) })

/**
 * The application permissions to which an administrator consented, read from the token for Graph.
 * @throws errors of `@azure/identity` when there is no token
 */
export async function readPermissions(options: Omit<GraphOptions, 'graphBaseUrl'>): Promise<readonly string[]> {
  const { token } = await graphCredential(options).getToken(GRAPH_SCOPE)
  const [, body = ''] = token.split('.')
  return claims.parse(JSON.parse(Buffer.from(body, 'base64url').toString())).roles
}
