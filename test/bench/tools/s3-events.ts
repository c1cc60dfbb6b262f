import { randomBytes, randomUUID } from 'node:crypto'
import { someEvent } from '../../unit/oversight/a-record.ts'

/** CloudTrail's records as EventBridge sends them, of real size, each with an id of its own. */

const BODY_BYTES = 2_560

export function principalOf(grantId: string): string {
  return `AROAEXAMPLE:${grantId}`
}

/** The principal id of another session; 50 of them take turns. */
export function strangerAt(position: number): string {
  return `AROASTRANGER:batch-${position % 50}`
}

export function s3Event(principalId: string) {
  const eventTime = `${new Date().toISOString().slice(0, 19)}Z`
  return someEvent({
    eventTime,
    eventID: randomUUID(),
    sourceIPAddress: '198.51.100.7',
    userIdentity: {
      type: 'AssumedRole',
      principalId,
      arn: `arn:aws:sts::111122223333:assumed-role/prod/${principalId.split(':')[1]}`,
      accountId: '111122223333',
      accessKeyId: 'ASIAEXAMPLE',
      sessionContext: {
        sessionIssuer: { type: 'Role', principalId: 'AROAEXAMPLE', accountId: '111122223333', userName: 'prod' },
        attributes: { creationDate: eventTime, mfaAuthenticated: 'false' },
      },
    },
    requestParameters: {
      bucketName: 'finance-reports',
      Host: 'finance-reports.s3.eu-west-1.amazonaws.com',
      key: `2026/11/${randomBytes(12).toString('hex')}.csv`,
    },
    additionalEventData: {
      SignatureVersion: 'SigV4',
      CipherSuite: 'TLS_AES_128_GCM_SHA256',
      bytesTransferredIn: 48_213,
      AuthenticationMethod: 'AuthHeader',
      bytesTransferredOut: 0,
    },
    managementEvent: false,
    recipientAccountId: '111122223333',
    eventCategory: 'Data',
  })
}

/** The event as a request body of 2.5 KB, padded in the field whose length clients choose. */
export function eventBody(principalId: string): string {
  const event = s3Event(principalId)
  const withAgent = (userAgent: string) => JSON.stringify({ ...event, detail: { ...event.detail, userAgent } })
  return withAgent('a'.repeat(Math.max(0, BODY_BYTES - Buffer.byteLength(withAgent('')))))
}
