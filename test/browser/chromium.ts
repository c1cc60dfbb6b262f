import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'

/** The browser of the tests. Set CHROMIUM to use another one, PICTURES to a folder to keep screenshots. */

export const CHROMIUM = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path))

export const MISSING = 'no Chromium on this machine: install the package chromium, or set CHROMIUM'

export function openBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}

export async function picture(page: Pick<Page, 'screenshot'>, name: string, fullPage = false): Promise<void> {
  const { PICTURES } = process.env
  if (PICTURES === undefined) return
  await mkdir(PICTURES, { recursive: true })
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage })
}
