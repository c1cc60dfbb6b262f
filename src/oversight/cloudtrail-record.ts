import { z } from 'zod'

/**
 * A CloudTrail record as EventBridge delivers it ("CloudTrail record contents"). The route keeps only the fields that
 * folding needs. The rest is never stored: the record of an AssumeRole carries a session token in
 * `responseElements.credentials`.
 */

/** The longest S3 key has 1,024 bytes. A longer text is cut rather than refused, so that no record is lost. */
const MOST_CHARACTERS = 1_024

/**
 * A string, or a list of which the first string is taken. Both were seen ("CloudTrail userIdentity element", S3 records
 * of 2019).
 */
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
  // Records of S3 on Outposts say `Key`.
  requestParameters: fields({ bucketName: text, key: text, Key: text }),
  additionalEventData: fields({ bytesTransferredIn: z.number().nonnegative().optional().catch(undefined) }),
})

/** What the inbox stores of a record. */
export const cloudTrailRecord = z.object({
  /** Account and event id. Every delivery of one record has the same id, so it counts once. */
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

/**
 * Only AWS can put events whose source begins with `aws.` ("PutEvents"). An event of another source is not a CloudTrail
 * record.
 */
const source = z.string().startsWith('aws.')

/** The envelope of EventBridge around one record. */
export const envelope = z.object({ source, account, detail }).transform(({ account, detail }): CloudTrailRecord => {
  const { userIdentity, requestParameters, additionalEventData } = detail
  const { bytesTransferredIn } = additionalEventData ?? {}
  return {
    // The id contains the account. Otherwise one account could send the event id of another's record, and that record
    // would count as a repetition.
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
    // CloudTrail was seen to send a float.
    bytes: bytesTransferredIn === undefined ? undefined : Math.round(bytesTransferredIn),
  }
})
