import { describe, expect, test } from 'vitest'
import { envelope } from '../../../src/oversight/cloudtrail-record.ts'
import { s3WriteOf } from '../../../src/oversight/s3-write.ts'
import { someEvent, someRecord } from './a-record.ts'

describe('what a CloudTrail record becomes', () => {
  test.each([
    ['PutObject', 'written'],
    ['PostObject', 'written'],
    ['CompleteMultipartUpload', 'written'],
    ['CopyObject', 'copied'],
    ['DeleteObject', 'deleted'],
    ['DeleteObjects', 'batch-deleted'],
    ['PutObjectTagging', 'tagged'],
    ['DeleteObjectTagging', 'tagged'],
    ['PutObjectAcl', 'other'],
    ['PutObjectAnnotationOfTomorrow', 'other'],
  ])('%s: %s', (eventName, kind) => {
    expect(s3WriteOf(someRecord({ eventName }))).toMatchObject({ kind, name: eventName, key: '2026/a.csv' })
  })

  test.each([
    ['a read', { eventName: 'GetObject', readOnly: true }],
    ['a read that does not say so', { eventName: 'HeadObject', readOnly: undefined }],
    ['a part of an upload', { eventName: 'UploadPart' }],
    ['a copied part of an upload', { eventName: 'UploadPartCopy' }],
    ['the begin of an upload', { eventName: 'CreateMultipartUpload' }],
    ['an upload given up', { eventName: 'AbortMultipartUpload' }],
    ['a write that failed for another reason', { errorCode: 'NoSuchBucket' }],
    ['a call on another service', { eventSource: 'sts.amazonaws.com', eventName: 'GetSessionToken' }],
  ])('%s is no write', (_what, changes) => {
    expect(s3WriteOf(someRecord(changes))).toBeUndefined()
  })

  test.each(['PutObject', 'DeleteObjects', 'GetObject'])('%s that AWS refused is denied', (eventName) => {
    const denied = someRecord({ eventName, errorCode: 'AccessDenied', readOnly: eventName === 'GetObject' })
    expect(s3WriteOf(denied)).toMatchObject({ kind: 'denied', name: eventName, bytes: 0 })
  })

  test('the record of one key of a batch delete is a delete', () => {
    const ofKey = someRecord({ eventName: 'DeleteObject', eventType: 'AwsServiceEvent' })
    expect(s3WriteOf(ofKey)).toMatchObject({ kind: 'deleted', key: '2026/a.csv' })
  })

  test('bytes are those of an object, as a whole number', () => {
    const bytes = { additionalEventData: { bytesTransferredIn: 1834.0000001 } }
    expect(s3WriteOf(someRecord(bytes))?.bytes).toBe(1834)
    expect(s3WriteOf(someRecord({ ...bytes, eventName: 'CompleteMultipartUpload' }))?.bytes).toBe(0)
  })
})

describe('a record as it comes', () => {
  test.each(['eventID', 'eventTime', 'eventName', 'eventSource', 'userIdentity'])('is none without %s', (name) => {
    expect(envelope.safeParse(someEvent({ [name]: undefined })).success).toBe(false)
  })

  test('may lack everything else, and hold lists, nulls and numbers where strings were', () => {
    const odd = {
      requestParameters: { bucketName: ['finance-reports'], Key: 'k', key: 7 },
      additionalEventData: null,
      errorCode: undefined,
      readOnly: 'false',
    }
    expect(someRecord(odd)).toMatchObject({ bucket: 'finance-reports', key: 'k' })
    expect(someRecord({ requestParameters: null, userIdentity: {} })).toMatchObject({ name: 'PutObject' })
  })

  test('keeps nothing but what folding needs: no credentials', () => {
    const credentials = { accessKeyId: 'ASIA', sessionToken: 'SECRET', expiration: 'x' }
    const record = someRecord({ eventName: 'AssumeRole', responseElements: { credentials } })
    expect(JSON.stringify(record)).not.toContain('SECRET')
  })

  test('is told apart by the id that both accounts share', () => {
    const shared = { sharedEventID: 'shared' }
    expect(someRecord({ ...shared, eventID: 'a' }).id).toBe(someRecord({ ...shared, eventID: 'b' }).id)
    expect(someRecord({ eventID: 'a' }).id).not.toBe(someRecord({ eventID: 'b' }).id)
  })
})
