import { Problem } from './problem.ts'

/** Error codes of OpenSSL and node. */
const CERTIFICATE_FAULT = /CERT|^UNABLE_TO_|^ERR_TLS_/

function codesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return []
  const own = 'code' in error && typeof error.code === 'string' ? [error.code] : []
  return [...own, ...codesOf(error.cause)]
}

/**
 * Says why there was no answer. An untrusted certificate gets a sentence of its own, because trying again does not
 * help.
 */
export function unreachable(who: string, error: unknown): Problem {
  const fault = codesOf(error).find((code) => CERTIFICATE_FAULT.test(code))
  return new Problem(
    fault === undefined
      ? `${who} cannot be reached. Try again in a moment.`
      : `The certificate of ${who} is not trusted on this machine (${fault}). If your company has a certificate authority of its own, set NODE_EXTRA_CA_CERTS to its file; otherwise tell the operator.`,
    { cause: error },
  )
}
