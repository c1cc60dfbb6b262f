import { cloudTrailService } from './cloudtrail.ts'
import type { ServicePlugin } from './core.ts'
import { iamService } from './iam/index.ts'
import { kmsService } from './kms/index.ts'
import { signinService } from './signin.ts'
import { sqsService } from './sqs.ts'
import { stsService } from './sts.ts'

/** The services on the sandbox's port. Each service is one line here and a folder or file beside this one. */
export const PLUGINS: readonly ServicePlugin[] = [
  iamService,
  stsService,
  kmsService,
  signinService,
  sqsService,
  cloudTrailService,
]
