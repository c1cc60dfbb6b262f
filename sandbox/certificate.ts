import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A folder for one run of the tests or the demo. Only its owner can read it. */
export function runFolder(): string {
  const folder = process.env.LATCHKEY_TEST_CA_DIR
  if (folder === undefined) {
    throw new Error('No certificate authority: start with `npm test`, `npm run demo` or bootstrap/with-redis.mjs')
  }
  return folder
}

/** A certificate for HTTPS on 127.0.0.1, ::1 and localhost. Processes under test trust its authority through NODE_EXTRA_CA_CERTS. */
export function serverCertificate(): { readonly key: string; readonly cert: string } {
  const folder = runFolder()
  return {
    key: readFileSync(join(folder, 'server.key'), 'utf8'),
    cert: readFileSync(join(folder, 'server.pem'), 'utf8'),
  }
}
