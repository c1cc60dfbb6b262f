/** oidc-provider warns at import that it prefers Node 22. It works on Node 20, as the sign-ins of the tests show, and the warning would appear in their output and the demo's. */
const { warn } = console
console.warn = (...words: readonly unknown[]) => {
  if (!String(words[0]).includes('Unsupported runtime')) warn(...words)
}
const library = await import('oidc-provider').finally(() => {
  console.warn = warn
})

export const { errors: oidcErrors, Provider: OidcProvider } = library
