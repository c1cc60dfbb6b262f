import { readFile } from 'node:fs/promises'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'

/** `aws s3 cp <file> <uri>` for machines without the AWS CLI. The AWS SDK reads the same profiles. */
const [file = '', uri = ''] = process.argv.slice(2)
const { hostname, pathname } = new URL(uri)
const client = new S3Client({ forcePathStyle: true, maxAttempts: 1 })
try {
  const Key = `${pathname.slice(1)}${file.split('/').at(-1)}`
  await client.send(new PutObjectCommand({ Bucket: hostname, Key, Body: await readFile(file) }))
  process.stdout.write(`upload: ${file} to s3://${hostname}/${Key}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`)
  process.exitCode = 1
}
