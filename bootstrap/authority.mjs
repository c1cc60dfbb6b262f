// A throw-away certificate authority for the sandbox's HTTPS servers. Its private key is never written to disk: it signs one server certificate and is dropped.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createPrivateFolder } from './private-folder.mjs'

const dayMs = 86_400_000
const names = [
  { type: 2, value: 'localhost' },
  { type: 7, ip: '127.0.0.1' },
  { type: 7, ip: '::1' },
]

async function makeCertificates() {
  // Imported here, because `npm ci` may have installed the package only a moment ago.
  const { generate } = await import('selfsigned')
  const now = Date.now()
  const common = {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // Tests move clocks, which must not make the certificate expire.
    notBeforeDate: new Date(now - 30 * dayMs),
    notAfterDate: new Date(now + 365 * dayMs),
  }
  const authority = await generate([{ name: 'commonName', value: 'Latchkey sandbox, throw-away' }], {
    ...common,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  const server = await generate([{ name: 'commonName', value: 'localhost' }], {
    ...common,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: names },
    ],
  })
  return { 'authority.pem': authority.cert, 'server.pem': server.cert, 'server.key': server.private }
}

/** Node reads NODE_EXTRA_CA_CERTS once, at its start, so `environment` must be set before a process starts. */
export async function createAuthority() {
  const folder = await createPrivateFolder()
  for (const [name, text] of Object.entries(await makeCertificates())) {
    await writeFile(join(folder, name), text, { mode: 0o600 })
  }
  return {
    environment: { LATCHKEY_TEST_CA_DIR: folder, NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem') },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
