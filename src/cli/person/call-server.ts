import type { z } from 'zod'
import { signedInAt } from '../token-file.ts'
import { type Call, callApi, latchkeyUrl } from './call-api.ts'
import { accessToken } from './sign-in.ts'

/**
 * Calls the API as the signed-in person. Without LATCHKEY_URL it calls the Latchkey where they signed in: an AWS tool
 * that was not started from their shell does not have the variable.
 */
export async function ask<S extends z.ZodType>(path: string, shape: S, call: Call = {}): Promise<z.output<S>> {
  const url = latchkeyUrl(process.env.LATCHKEY_URL ?? (await signedInAt()))
  return await callApi(url, `/api/v1${path}`, shape, { ...call, token: await accessToken(url) })
}

export async function act<S extends z.ZodType>(
  kind: 'requests' | 'grants',
  id: string,
  what: string,
  shape: S,
  body?: object,
): Promise<z.output<S>> {
  const path = `/${kind}/${encodeURIComponent(id)}/${what}`
  return await ask(path, shape, { method: 'POST', ...(body === undefined ? {} : { body }) })
}
