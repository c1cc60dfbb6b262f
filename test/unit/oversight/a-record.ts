import { type CloudTrailRecord, envelope } from '../../../src/oversight/cloudtrail-record.ts'

const PRINCIPAL = 'AROAEXAMPLE:g-0123456789ab'

/** An event as EventBridge delivers it. */
export function someEvent(changes: object = {}, around: object = {}) {
  return {
    version: '0',
    id: 'c3c1b6b4-0f7e-4f0e-9f8e-2f7d3a1b0c9d',
    'detail-type': 'AWS API Call via CloudTrail',
    source: 'aws.s3',
    account: '111122223333',
    time: '2026-11-22T10:12:33Z',
    region: 'eu-west-1',
    resources: [],
    ...around,
    detail: {
      eventVersion: '1.11',
      userIdentity: {
        type: 'AssumedRole',
        principalId: PRINCIPAL,
        arn: 'arn:aws:sts::111122223333:assumed-role/prod/g-0123456789ab',
        accountId: '111122223333',
      },
      eventTime: '2026-11-22T10:12:31Z',
      eventSource: 's3.amazonaws.com',
      eventName: 'PutObject',
      awsRegion: 'eu-west-1',
      requestParameters: { bucketName: 'finance-reports', Host: 'finance-reports.s3.amazonaws.com', key: '2026/a.csv' },
      responseElements: null,
      additionalEventData: { bytesTransferredIn: 24, bytesTransferredOut: 0 },
      eventID: '0c06e2ff-5e88-44e6-a081-57871bbe770b',
      readOnly: false,
      eventType: 'AwsApiCall',
      ...changes,
    },
  }
}

export function someRecord(changes: object = {}, around: object = {}): CloudTrailRecord {
  return envelope.parse(someEvent(changes, around))
}
