import { vi } from 'vitest'

/** Puts the endpoint and the keys into the environment, where the SDK reads them. They stay until the test file ends. */
export function useAws(url: string, keys: { readonly accessKeyId: string; readonly secretAccessKey: string }): void {
  vi.stubEnv('AWS_ENDPOINT_URL', url)
  vi.stubEnv('AWS_ACCESS_KEY_ID', keys.accessKeyId)
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', keys.secretAccessKey)
}
