/** The parts of a browser that a sign-in needs: cookies, redirects and one form. */

const MOST_STEPS = 20

type Jar = Map<string, { readonly value: string; readonly path: string }>

/** Opens the URL, picks the person, and returns the last redirect, which leads out of the sandbox and is not opened. */
export async function signInAs(personId: string, authorizationUrl: string): Promise<URL> {
  const origin = new URL(authorizationUrl).origin
  const jar: Jar = new Map()
  let url = new URL(authorizationUrl)
  let form: URLSearchParams | undefined
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const response = await open(url, form, jar)
    const location = response.headers.get('location')
    if (location !== null) {
      await response.body?.cancel()
      url = new URL(location, url)
      form = undefined
      if (url.origin !== origin) return url
      continue
    }
    const page = await response.text()
    if (form !== undefined || response.status !== 200) throw new Error(`Sign-in stopped at ${url}: ${sentence(page)}`)
    url = new URL(formAction(page, personId), url)
    form = new URLSearchParams({ person: personId })
  }
  throw new Error(`Sign-in did not end within ${MOST_STEPS} steps`)
}

async function open(url: URL, form: URLSearchParams | undefined, jar: Jar): Promise<Response> {
  const cookies = [...jar].filter(([, { path }]) => url.pathname.startsWith(path))
  const response = await fetch(url, {
    redirect: 'manual',
    headers: { cookie: cookies.map(([name, { value }]) => `${name}=${value}`).join('; ') },
    ...(form === undefined ? {} : { method: 'POST', body: form }),
  })
  for (const cookie of response.headers.getSetCookie()) keep(cookie, jar)
  return response
}

function keep(cookie: string, jar: Jar): void {
  const [pair = '', ...attributes] = cookie.split(/; */)
  const name = pair.slice(0, pair.indexOf('='))
  const value = pair.slice(pair.indexOf('=') + 1)
  const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice('path='.length) ?? '/'
  if (value === '') jar.delete(name)
  else jar.set(name, { value, path })
}

function formAction(page: string, personId: string): string {
  const action = /<form method="post" action="([^"]+)">/.exec(page)?.[1]
  if (action === undefined || !page.includes(`value="${personId}"`)) {
    throw new Error(`The sign-in page does not offer ${personId}: ${sentence(page)}`)
  }
  return action
}

function sentence(page: string): string {
  return /<p class="fault"[^>]*>([^<]*)</.exec(page)?.[1] ?? page.slice(0, 300)
}
