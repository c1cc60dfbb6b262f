import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorBody } from '../../../src/http/answer-errors.ts'
import { httpServer } from '../../../src/http/server.ts'

const app = httpServer({ log: pino({ level: 'silent' }), publicUrl: 'https://latchkey.example.com' })
app.get('/things/:id', async () => ({ found: true }))
let port = 0

beforeAll(async () => {
  port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
})

afterAll(() => app.close())

/** Sends the bytes as they are and returns the raw answer. */
async function exchange(
  sent: string,
): Promise<{ readonly status: number; readonly head: string; readonly body: unknown }> {
  const socket = connect(port, '127.0.0.1')
  socket.write(sent)
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), body: errorBody.parse(JSON.parse(body)) }
}

function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n${headers}\r\n`
}

describe('what is refused before there is a route has the one shape of a refusal, and the headers of every answer', () => {
  test.each([
    ['an address that is not percent-encoded', get('/things/%zz'), 400, 'BAD_INPUT', 'The address cannot be read.'],
    ['an id that is too long to exist', get(`/things/${'a'.repeat(500)}`), 404, 'NOT_FOUND', 'There is no such page'],
    [
      'headers that never end',
      get('/', `x: ${'a'.repeat(20_000)}\r\n`),
      431,
      'TOO_LARGE',
      'The headers are too large.',
    ],
    ['what is not HTTP', 'open sesame\r\n\r\n', 400, 'BAD_INPUT', 'This is not HTTP.'],
  ])('%s', async (_name, sent, status, code, message) => {
    const answer = await exchange(sent)
    expect(answer.status).toBe(status)
    expect(answer.body).toEqual({ error: { code, message: expect.stringContaining(message) } })
    for (const header of ['cache-control: no-store', 'x-content-type-options: nosniff', 'strict-transport-security:'])
      expect(answer.head).toContain(header)
  })

  test('nothing of what was sent comes back', async () => {
    for (const sent of [get('/things/%zz<script>'), 'HELO <script>\r\n\r\n'])
      expect(JSON.stringify((await exchange(sent)).body)).not.toContain('script')
  })
})
