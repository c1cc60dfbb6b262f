import { say } from '../terminal.ts'
import { openBrowser } from './browser.ts'
import { latchkeyUrl } from './call-api.ts'
import { signIn, signOut } from './sign-in.ts'

export async function login({ browser }: { readonly browser: boolean }): Promise<void> {
  const url = latchkeyUrl(process.env.LATCHKEY_URL)
  const byHand = (link: string) =>
    say(`Open this address in a browser on this machine within five minutes, to sign in:\n${link}`)
  const who = await signIn(url, (link) => {
    if (!browser) return byHand(link)
    say('Sign in with the browser that opens on this machine. Latchkey waits five minutes for it.')
    openBrowser(link, () => byHand(link))
  })
  say(`You are signed in at ${url}${who === undefined ? '' : ` as ${who}`}.`)
}

export async function logout(): Promise<void> {
  await signOut()
  say('You are signed out on this machine.')
}
