import { z } from 'zod'

/**
 * A token of version 2 does not say how a person signed in (`amr` exists in version 1 only). It says which
 * authentication contexts of Conditional Access the sign-in met (`acrs`). So the policy of one context,
 * `ENTRA_MFA_CONTEXT`, demands the second factor. Source: Microsoft's "Developer guide to Conditional Access
 * authentication context".
 */

/** The claim `acrs`. Another form of it counts as no context, and does not make the token invalid. */
export const acrs = z.array(z.string()).catch([])

/** @param met The contexts that the sign-in met. @param context `ENTRA_MFA_CONTEXT`. */
export function secondFactor(met: readonly string[], context: string | undefined): { readonly mfa?: true } {
  return context !== undefined && met.includes(context) ? { mfa: true } : {}
}

/** Parameters of the authorization request that make Entra demand the context. */
export function demandSecondFactor(context: string | undefined): { readonly claims?: string } {
  if (context === undefined) return {}
  const acrs = { essential: true, value: context }
  return { claims: JSON.stringify({ id_token: { acrs }, access_token: { acrs } }) }
}
