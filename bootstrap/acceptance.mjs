// `npm run acceptance [-- <part of a sentence>]`: runs the lines of test/acceptance.md, each `- sentence → \`command\``.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './find-redis.mjs'
import { compile, install, main } from './surroundings.mjs'

function readLines() {
  const text = readFileSync(join(projectRoot, 'test/acceptance.md'), 'utf8')
  return text.split('\n').flatMap((line) => {
    const [, sentence, answer] = /^- (.+?) → (.+)$/.exec(line) ?? []
    if (sentence === undefined) return []
    return [{ sentence, answer, command: /^`(.+)`$/.exec(answer)?.[1] }]
  })
}

function play(command) {
  const child = spawn('sh', ['-c', command], { cwd: projectRoot, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}

await main(async () => {
  await install()
  await compile()
  const [part = ''] = process.argv.slice(2)
  const counts = { met: 0, unmet: 0, open: 0 }
  const played = new Map()
  for (const { sentence, answer, command } of readLines().filter((line) => line.sentence.includes(part))) {
    if (command === undefined) {
      counts.open += 1
      process.stdout.write(`○ ${sentence} (${answer})\n`)
      continue
    }
    if (!played.has(command)) played.set(command, await play(command))
    const { code, output } = played.get(command)
    counts[code === 0 ? 'met' : 'unmet'] += 1
    process.stdout.write(`${code === 0 ? '✓' : '✗'} ${sentence}\n`)
    if (code !== 0) process.stdout.write(`    ${command}\n    ${output.trim().split('\n').slice(-30).join('\n    ')}\n`)
  }
  process.stdout.write(`${counts.met} met, ${counts.unmet} not met, ${counts.open} open\n`)
  return counts.unmet === 0 && counts.met > 0 ? 0 : 1
})
