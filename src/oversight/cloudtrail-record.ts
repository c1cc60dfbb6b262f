import { z } from 'zod'

/**
 * A CloudTrail record as EventBridge brings it ("CloudTrail record contents"), cut down at the door to what folding needs. Nothing else is
 * stored: the record of an AssumeRole carries a session token in `responseElements.credentials`.
 */

/** The longest S3 key has 1,024 bytes. What is longer than any name of AWS is cut: a record is never lost for it. */
const MOST_CHARACTERS = 1_024

/** Seen as lists and as strings ("CloudTrail userIdentity element", S3 records of 2019). */
const text = z
  .union([z.string(), z.tuple([z.string()]).rest(z.unknown())])
  .transform((value) => (typeof value === 'string' ? value : value[0]).slice(0, MOST_CHARACTERS))
  .optional()
  .catch(undefined)

const fields = <S extends z.ZodRawShape>(shape: S) => z.object(shape).partial().nullish().catch(undefined)

const account = z.string().regex(/^\d{12}$/)

const detail = z.object({
  eventID: z.string().min(1).max(100),
  sharedEventID: z.string().min(1).max(100).nullish(),
  eventTime: z.iso.datetime({ offset: true }),
  eventName: z.string().min(1).max(128),
  eventSource: z.string().min(1).max(128),
  userIdentity: z.object({ principalId: text, arn: text }),
  readOnly: z.boolean().optional().catch(undefined),
  errorCode: text,
  // Outposts write `Key`.
  requestParameters: fields({ bucketName: text, key: text, Key: text }),
  additionalEventData: fields({ bytesTransferredIn: z.number().nonnegative().optional().catch(undefined) }),
})

/** What is kept in the inbox. `id` says once for all deliveries and both accounts of a cross-account call what it is. */
export const cloudTrailRecord = z.object({
  id: z.string(),
  account,
  /** `eventTime`, ISO 8601 UTC with milliseconds. */
  at: z.string(),
  name: z.string(),
  source: z.string(),
  principalId: z.string().optional(),
  arn: z.string().optional(),
  readOnly: z.boolean().optional(),
  errorCode: z.string().optional(),
  bucket: z.string().optional(),
  key: z.string().optional(),
  bytes: z.number().optional(),
})

export type CloudTrailRecord = z.infer<typeof cloudTrailRecord>

/** Nobody but AWS may put events of such a source ("PutEvents"): what else comes with a key is no record, whatever it says. */
const source = z.string().startsWith('aws.')

/** EventBridge's envelope around one record. */
export const envelope = z.object({ source, account, detail }).transform(({ account, detail }): CloudTrailRecord => {
  const { userIdentity, requestParameters, additionalEventData } = detail
  const { bytesTransferredIn } = additionalEventData ?? {}
  return {
    // By account: whoever may speak for one must not make us forget a record of another.
    id: `${account}/${detail.sharedEventID ?? detail.eventID}`,
    account,
    at: new Date(detail.eventTime).toISOString(),
    name: detail.eventName,
    source: detail.eventSource,
    principalId: userIdentity.principalId,
    arn: userIdentity.arn,
    readOnly: detail.readOnly,
    errorCode: detail.errorCode,
    bucket: requestParameters?.bucketName,
    key: requestParameters?.key ?? requestParameters?.Key,
    // Seen as a float.
    bytes: bytesTransferredIn === undefined ? undefined : Math.round(bytesTransferredIn),
  }
})
