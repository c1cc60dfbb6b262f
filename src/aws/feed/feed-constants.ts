import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { PACKAGE_ROOT } from '../../package-root.ts'

const rule = z.strictObject({ name: z.string(), description: z.string() })

const constants = z.strictObject({
  /** `detail-type` of the events that carry CloudTrail records. */
  trailTypes: z.array(z.string()),
  /** Calls of a multipart upload that are not reported: the object changes only when the upload is complete. */
  incompleteUploads: z.array(z.string()),
  rules: z.strictObject({ s3: rule, sessions: rule, assumeRole: rule, policies: rule, selfTest: rule }),
})

export type RuleConstants = z.infer<typeof rule>

/** What `latchkey aws setup` and the Terraform module write alike. Both read it from the module's folder. */
export const FEED = constants.parse(JSON.parse(readFileSync(join(PACKAGE_ROOT, 'terraform/wiring/feed.json'), 'utf8')))
