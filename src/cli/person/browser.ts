import { spawn } from 'node:child_process'

function commandFor(link: string): readonly [string, ...string[]] {
  if (process.platform === 'darwin') return ['open', link]
  if (process.platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', link]
  return ['xdg-open', link]
}

/** Opens the link in the browser. Calls `otherwise` when no browser can be started. */
export function openBrowser(link: string, otherwise: () => void): void {
  const [command, ...args] = commandFor(link)
  const child = spawn(command, args, { stdio: 'ignore', detached: true })
  child.once('error', otherwise)
  child.once('exit', (code) => {
    if (code !== 0) otherwise()
  })
  child.unref()
}
