import { AwsError, type Outcome } from '../call.ts'
import { readPayload } from './body.ts'
import { existing } from './objects.ts'
import { tagsIn } from './tag-set.ts'
import { empty, type ObjectVisit } from './visit.ts'
import { xmlReply } from './xml.ts'

export function getObjectTagging(visit: ObjectVisit): Outcome {
  const tags = [...existing(visit).tags].map(([Key, Value]) => ({ Key, Value }))
  return { reply: xmlReply('Tagging', { TagSet: { Tag: tags } }) }
}

export function putObjectTagging(visit: ObjectVisit): Outcome {
  const object = existing(visit)
  const tags = tagsIn(readPayload(visit.call.request).body)
  const byKey = new Map(tags.map(({ Key, Value }) => [Key, Value]))
  // "Categorizing your storage using tags": ten tags, unique keys of 128, values of 256 characters.
  const tooLong = tags.some(({ Key, Value }) => Key.length === 0 || Key.length > 128 || Value.length > 256)
  if (tags.length > 10) throw new AwsError('BadRequest', 400, 'Object tags cannot be greater than 10')
  if (byKey.size !== tags.length) {
    throw new AwsError('InvalidTag', 400, 'Cannot provide multiple Tags with the same key')
  }
  if (tooLong) throw new AwsError('InvalidTag', 400, 'The TagKey or TagValue you have provided is invalid')
  visit.store.put(visit.bucket, { ...object, tags: byKey })
  return empty(200)
}

export function deleteObjectTagging(visit: ObjectVisit): Outcome {
  visit.store.put(visit.bucket, { ...existing(visit), tags: new Map() })
  return empty(204)
}
