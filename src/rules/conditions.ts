import { z } from 'zod'

/** Conditions of an entitlement on each use of a grant, beside scope, level and time. AWS checks all except `mfa`. */
export const conditions = z.strictObject({
  /** CIDR blocks: calls to S3 must come from one of them. */
  sourceIps: z.array(z.string()).min(1).optional(),
  /** Ids of VPC endpoints: calls to S3 must come through one of them. */
  vpcEndpoints: z.array(z.string()).min(1).optional(),
  /** Only objects with this tag can be used. */
  objectTag: z.strictObject({ key: z.string(), value: z.string() }).optional(),
  /**
   * The person must have signed in to Entra with a second factor. Latchkey checks this whenever it vends credentials, a
   * console sign-in or a link.
   */
  mfa: z.literal(true).optional(),
})

export type Conditions = z.infer<typeof conditions>
