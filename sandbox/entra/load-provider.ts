/**
 * oidc-provider says at its import that it would rather run on Node 22. On Node 20, which this project supports, it does what the sandbox
 * needs, as every sign-in of the tests shows; the line would stand in their output and between the demo's own lines.
 */
const { warn } = console
console.warn = (...words: readonly unknown[]) => {
  if (!String(words[0]).includes('Unsupported runtime')) warn(...words)
}
const library = await import('oidc-provider').finally(() => {
  console.warn = warn
})

export const { errors: oidcErrors, Provider: OidcProvider } = library
