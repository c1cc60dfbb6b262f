import { z } from 'zod'

/**
 * Tokens of version 2 do not say how somebody signed in: `amr` is a claim of version 1. What they say is which authentication contexts of
 * Conditional Access the sign-in met (`acrs`), so the policy of one context (`ENTRA_MFA_CONTEXT`) is what demands the second factor. See
 * Microsoft's "Developer guide to Conditional Access authentication context".
 */

/** A claim of another form proves nothing, and is no fault of the token. */
export const acrs = z.array(z.string()).catch([])

export function secondFactor(met: readonly string[], context: string | undefined): { readonly mfa?: true } {
  return context !== undefined && met.includes(context) ? { mfa: true } : {}
}

/** Has Entra sign nobody in without it. */
export function demandSecondFactor(context: string | undefined): { readonly claims?: string } {
  if (context === undefined) return {}
  const acrs = { essential: true, value: context }
  return { claims: JSON.stringify({ id_token: { acrs }, access_token: { acrs } }) }
}
