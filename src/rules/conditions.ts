import { z } from 'zod'

/** What AWS asks of each request beside who and what; of an entitlement, and of every grant under it. */
export const conditions = z.strictObject({
  /** CIDR blocks that requests must come from. */
  sourceIps: z.array(z.string()).min(1).optional(),
  /** Ids of VPC endpoints that requests must come through. */
  vpcEndpoints: z.array(z.string()).min(1).optional(),
  /** Only objects that carry this tag. */
  objectTag: z.strictObject({ key: z.string(), value: z.string() }).optional(),
  /** The person signed in to Entra with a second factor: asked at vend and on pages. */
  mfa: z.literal(true).optional(),
})

export type Conditions = z.infer<typeof conditions>
