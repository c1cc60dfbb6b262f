import { Problem } from './problem.ts'

/** As OpenSSL and node name them. */
const CERTIFICATE_FAULT = /CERT|^UNABLE_TO_|^ERR_TLS_/

function codesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return []
  const own = 'code' in error && typeof error.code === 'string' ? [error.code] : []
  return [...own, ...codesOf(error.cause)]
}

/** Why there was no answer: the network, or a certificate that this machine does not trust, which no second try mends. */
export function unreachable(who: string, error: unknown): Problem {
  const fault = codesOf(error).find((code) => CERTIFICATE_FAULT.test(code))
  return new Problem(
    fault === undefined
      ? `${who} cannot be reached. Try again in a moment.`
      : `The certificate of ${who} is not trusted on this machine (${fault}). If your company has a certificate authority of its own, set NODE_EXTRA_CA_CERTS to its file; otherwise tell the operator.`,
    { cause: error },
  )
}
