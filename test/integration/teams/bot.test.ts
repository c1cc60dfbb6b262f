import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type BotFixture, buttons, openBot, textIn } from '../../fixtures/bot.ts'

const SCOPE = 's3://finance-reports/2026/'
const LINE = `request write ${SCOPE} for 45m because month-end fix`
const FORM = {
  scope: 's3://finance-reports/',
  below: '2026/',
  levels: 'write',
  duration: '45m',
  reason: 'month-end fix',
  ticket: '',
}
const NOT_FOUND = {
  error: { code: 'NOT_FOUND', message: 'There is no such request, or it is not yours to see. Check the id.' },
}

let chat: BotFixture

beforeAll(async () => {
  chat = await openBot('turns')
})
afterEach(() => chat.clear())
afterAll(() => chat.useCases.close())

async function asked(line = LINE): Promise<string> {
  expect(await chat.say('rita', line)).toEqual([])
  return (await chat.requestsOf('rita'))[0]?.id ?? ''
}

async function ofForm(changes: object = {}, reference = `f${Math.random()}`) {
  return chat.click('rita', 'ask', { for: chat.useCases.as('rita').objectId, ...FORM, ...changes }, reference)
}

describe('asking in one line', () => {
  test('a line that is delivered twice asks once', async () => {
    await chat.say('rita', LINE, 'personal', 'said-once')
    expect(await chat.say('rita', LINE, 'personal', 'said-once')).toEqual([])
    expect((await chat.requestsOf('rita')).filter(({ status }) => status === 'pending')).toHaveLength(1)
  })

  test('asks for what the line says, and its card comes into the thread where it was said', async () => {
    const id = await asked()
    expect(await chat.request(id)).toMatchObject({
      status: 'pending',
      scopes: [SCOPE],
      levels: ['write'],
      durationMinutes: 45,
      reason: 'month-end fix',
    })
    const [own] = await chat.storedMessages(id)
    expect(own?.message.place).toMatchObject({ channel: 'teams', conversation: { conversationId: 'a:rita' } })
    expect(own?.message.reference).toBeUndefined()
  })

  test('a refusal says why, and what may be asked instead', async () => {
    const [reply] = await chat.say('rita', 'request write s3://payroll/ because I want to')
    expect(reply).toMatch(
      /No entitlement of yours reaches s3:\/\/payroll\/\. You may ask for: finance-reports: read, write/,
    )
    const [tooLong] = await chat.say('rita', `request write ${SCOPE} for 9h because I want to`)
    expect(tooLong).toMatch(/9h is too long/)
    expect(await chat.requestsOf('rita')).not.toContainEqual(expect.objectContaining({ reason: 'I want to' }))
  })

  test.each([
    ['request write s3://finance-reports/2026/* because x', /literal and cannot hold \*/],
    [`request write ${SCOPE} for ages because x`, /one whole number and a unit/],
    [`request write ${SCOPE}`, /lacks a reason/],
  ])('“%s” is answered with what is wrong', async (line, says) => {
    expect(await chat.say('rita', line)).toEqual([expect.stringMatching(says)])
  })
})

describe('the form', () => {
  test('offers what this person may ask for, and names them as the one it is for', async () => {
    const [form] = await chat.say('rita', 'request')
    expect(buttons(form)).toEqual(['ask'])
    expect(JSON.stringify(form)).toContain(chat.useCases.as('rita').objectId)
    expect(JSON.stringify(form)).toContain('s3://finance-reports/')
  })

  test('somebody who may ask for nothing is told so, and whom to ask', async () => {
    const [reply] = await chat.say('oona', 'request')
    expect(reply).toMatch(/No entitlement names you.* nothing that you may ask for\. Owners are group:data-owners\./)
    const [guest] = await chat.say('gus', 'request')
    expect(guest).toMatch(/guest/)
  })

  test('becomes the request: its own message is the first copy, and the answer is the card', async () => {
    const answer = await ofForm({}, 'form-1')
    expect(buttons(answer)).toEqual(['cancel'])
    const [request] = await chat.requestsOf('rita')
    expect(request).toMatchObject({ scopes: [SCOPE], levels: ['write'], durationMinutes: 45, ticket: '' })
    const [own] = await chat.storedMessages(request?.id ?? '')
    expect(own?.message).toMatchObject({ reference: 'form-1', role: 'requester' })
  })

  test('of somebody else is refused, whatever is in it', async () => {
    const before = await chat.requestsOf('finn')
    const answer = await chat.click('finn', 'ask', { for: chat.useCases.as('rita').objectId, ...FORM }, 'form-2')
    expect(answer).toEqual({
      error: { code: 'BAD_INPUT', message: 'This form belongs to somebody else. Say request to get your own.' },
    })
    expect(await chat.requestsOf('finn')).toEqual(before)
  })

  test('is one request, however often and however simultaneously it arrives', async () => {
    const before = (await chat.requestsOf('rita')).length
    const answers = await Promise.all([1, 2, 3].map(() => ofForm({ reason: 'three times' }, 'form-3')))
    const late = await ofForm({ reason: 'once more', levels: 'delete' }, 'form-3')
    expect(await chat.requestsOf('rita')).toHaveLength(before + 1)
    for (const answer of [...answers, late]) expect(answer).toEqual(answers[0])
    expect(textIn(answers[0])).toContain('three times')
  })

  test('is still one request after any number of newer ones', async () => {
    await ofForm({ reason: 'the first' }, 'form-4')
    const [first] = await chat.requestsOf('rita')
    // As many as a list of the newest ones shows.
    for (let newer = 0; newer < 25; newer += 1) {
      await chat.clear()
      await asked()
    }
    const answer = await ofForm({ reason: 'again' }, 'form-4')
    expect(textIn(answer)).toContain('the first')
    const all = await chat.requestsOf('rita')
    expect(all.filter(({ reason }) => reason === 'again')).toEqual([])
    expect(all.find(({ id }) => id === first?.id)).toMatchObject({ reason: 'the first' })
  })

  test('that is refused comes again, with what was filled in and the reason', async () => {
    const answer = await ofForm({
      reason: 'kept as it is',
      below: '../payroll/',
      ticket: 'FIN-12',
      levels: 'read,write',
    })
    expect(buttons(answer)).toEqual(['ask'])
    expect(textIn(answer)).toMatch(/cannot hold \. or \.\./)
    const json = JSON.stringify(answer)
    for (const given of ['kept as it is', '../payroll/', 'FIN-12', 'read,write']) expect(json).toContain(given)
    expect(textIn(await ofForm({ levels: '' }))).toContain('Choose at least one level.')
    expect(textIn(await ofForm({ reason: ' ' }))).toContain('Say why you need this')
    expect(textIn(await ofForm({ scope: 's3://payroll/' }))).toContain('No entitlement of yours reaches')
    expect(await chat.requestsOf('rita')).not.toContainEqual(expect.objectContaining({ reason: 'kept as it is' }))
  })
})

describe('deciding on the card', () => {
  test('an approval is in force, and no button of the decision is left', async () => {
    const id = await asked()
    const answer = await chat.click('max', 'approve', { ...(await chat.data(id)), comment: ' go ahead ' })
    expect(buttons(answer)).not.toContain('approve')
    expect(await chat.request(id)).toMatchObject({
      status: 'approved',
      reviews: [{ comment: 'go ahead', as: 'manager' }],
    })
  })

  test('the same click again is answered alike and changes nothing', async () => {
    const id = await asked()
    const data = { ...(await chat.data(id)), comment: 'no' }
    const first = await chat.click('max', 'deny', data)
    const request = await chat.request(id)
    expect(await chat.click('max', 'deny', data)).toEqual(first)
    expect(await chat.request(id)).toEqual(request)
  })

  test('whoever comes later sees the decided card, and who decided when', async () => {
    const id = await asked()
    const data = await chat.data(id)
    await chat.click('max', 'deny', data)
    const late = await chat.click('dana', 'approve', data)
    expect(buttons(late)).toEqual([])
    const { closedAt } = await chat.request(id)
    expect(textIn(late)).toContain(
      `This request was already denied by Max Mertens at ${closedAt}. Nothing was changed.`,
    )
    expect(await chat.request(id)).toMatchObject({ status: 'denied', reviews: [{ reviewer: { name: 'Max Mertens' } }] })
  })

  test('a yes to something else than what is there now is no yes: the card as it is comes back', async () => {
    const id = await asked()
    const answer = await chat.click('max', 'approve', { requestId: id, version: '1-somethingelse', comment: '' })
    expect(await chat.request(id)).toMatchObject({ status: 'pending', reviews: [] })
    expect(textIn(answer)).toContain('This request changed meanwhile.')
    expect(buttons(answer)).toEqual(['approve', 'deny'])
  })

  test('a card that does not say what it showed decides nothing', async () => {
    const id = await asked()
    expect(await chat.click('max', 'approve', { requestId: id })).toHaveProperty('error.code', 'BAD_INPUT')
    expect(await chat.request(id)).toMatchObject({ status: 'pending' })
  })

  test('nobody decides their own request', async () => {
    const id = await asked()
    const answer = await chat.click('rita', 'approve', await chat.data(id))
    expect(answer).toMatchObject({ error: { code: 'NOT_YOURS_TO_DECIDE' } })
    expect(await chat.request(id)).toMatchObject({ status: 'pending' })
  })

  test('while the directory does not answer nothing is decided, and the sentence says so', async () => {
    const id = await asked()
    chat.useCases.entra.faults.fail('graph', { kind: 'down' })
    try {
      const answer = await chat.click('max', 'approve', await chat.data(id))
      expect(answer).toMatchObject({
        error: { code: 'UNAVAILABLE', message: expect.stringContaining('Nothing was changed') },
      })
    } finally {
      chat.useCases.entra.faults.heal()
    }
    expect(await chat.request(id)).toMatchObject({ status: 'pending' })
  })

  test('a word decides nothing, and points to where one decides', async () => {
    const id = await asked()
    expect(await chat.say('max', `approve ${id}`)).toEqual([expect.stringContaining(`/requests/${id}`)])
    expect(await chat.request(id)).toMatchObject({ status: 'pending' })
  })
})

describe('missing and forbidden read alike', () => {
  test.each(['view', 'approve', 'cancel'])('%s', async (verb) => {
    const id = await asked()
    const data = { ...(await chat.data(id)), comment: '' }
    expect(await chat.click('finn', verb, data)).toEqual(NOT_FOUND)
    expect(await chat.click('finn', verb, { ...data, requestId: 'r-000000000000' })).toEqual(NOT_FOUND)
  })

  test('done', async () => {
    const grantId = await chat.useCases.granted('rita')
    const forbidden = await chat.click('finn', 'done', { grantId })
    expect(forbidden).toHaveProperty('error.code', 'NOT_FOUND')
    expect(await chat.click('finn', 'done', { grantId: 'g-000000000000' })).toEqual(forbidden)
    await chat.click('rita', 'done', { grantId })
  })
})

describe('looking', () => {
  test('each sees the part that is theirs', async () => {
    const id = await asked()
    expect(buttons(await chat.click('rita', 'view', { requestId: id }))).toEqual(['cancel'])
    expect(buttons(await chat.click('max', 'view', { requestId: id }))).toEqual(['approve', 'deny'])
    expect(buttons(await chat.click('dana', 'view', { requestId: id }))).toEqual(['approve', 'deny'])
  })

  test('the message that told what was asked tells that, and what came of it has a message of its own', async () => {
    const { requestId } = (await chat.useCases.grant(await chat.useCases.granted())).terms
    const [first] = await chat.storedMessages(requestId)
    if (!first) throw new Error('The request has no copy.')
    await chat.changeMessage(first, { reference: 'first' })
    expect(buttons(await chat.click('rita', 'view', { requestId }, 'second'))).toEqual(['done'])
    expect(buttons(await chat.click('rita', 'view', { requestId }, 'first'))).toEqual([])
    expect(buttons(await chat.click('dana', 'view', { requestId }, 'first'))).toEqual(['done'])
  })

  test('my access shows what waits for this person, and what is theirs', async () => {
    const id = await asked()
    const [mine] = await chat.say('rita', 'my access')
    const [his] = await chat.say('max', 'status')
    expect([JSON.stringify(mine), JSON.stringify(his)]).toEqual([
      expect.stringContaining(id),
      expect.stringContaining(id),
    ])
    expect(JSON.stringify(await chat.say('finn', 'my access'))).not.toContain(id)
  })

  test('my access leaves out what somebody else wrote under a key of ours, and shows the others', async () => {
    const own = async () => {
      const [card] = await chat.say('rita', 'my access')
      return typeof card === 'object' ? Number(/(\d+) of your own/.exec(card.summary)?.[1]) : card
    }
    const [one, two] = [await chat.useCases.granted(), await chat.useCases.granted()]
    const { requestId } = (await chat.useCases.grant(two)).terms
    const before = Number(await own())
    await chat.useCases.overwrite(one, () => ({ not: 'ours' }))
    expect(await own()).toBe(before - 1)
    await chat.overwrite(requestId, { not: 'ours' })
    expect(await own()).toBeLessThan(before)
  })

  test('unknown text gets help', async () => {
    expect(await chat.say('rita', 'good morning')).toEqual(await chat.say('rita', 'help'))
  })
})

describe('taking back and ending', () => {
  test('a pending request is cancelled once, by its card or by a word', async () => {
    const id = await asked()
    const first = await chat.click('rita', 'cancel', { requestId: id })
    expect(buttons(first)).toEqual([])
    expect(await chat.click('rita', 'cancel', { requestId: id })).toEqual(first)
    const other = await asked()
    expect(await chat.say('rita', `cancel ${other}`)).toEqual([`Request ${other} is cancelled.`])
    expect(await chat.request(other)).toMatchObject({ status: 'cancelled' })
  })

  test('cancelling what was decided meanwhile shows the decision', async () => {
    const id = await asked()
    await chat.click('max', 'deny', await chat.data(id))
    const answer = await chat.click('rita', 'cancel', { requestId: id })
    expect(textIn(answer)).toContain('already denied by Max Mertens')
    expect(await chat.request(id)).toMatchObject({ status: 'denied' })
  })

  test('extend asks for the only live grant to go on, and its yes moves the end', async () => {
    expect(await chat.say('rita', 'extend because it')).toEqual([expect.stringMatching(/^You have no live grant/)])
    const grantId = await chat.useCases.granted()
    expect(await chat.say('rita', 'extend for 5m because it')).toEqual([
      expect.stringContaining('This grant lasts until'),
    ])
    expect(await chat.say('rita', 'extend for 2h because the export still runs', 'personal', 'extended')).toEqual([])
    expect(await chat.say('rita', 'extend for 2h because the export still runs', 'personal', 'extended')).toEqual([])
    const [{ id } = { id: '' }, ...others] = (await chat.requestsOf('rita')).filter(
      ({ status }) => status === 'pending',
    )
    expect(others).toEqual([])
    expect(textIn(await chat.click('max', 'view', { requestId: id }))).toContain('keep the right to')
    expect(textIn(await chat.click('max', 'approve', await chat.data(id)))).toContain('Access may last until')
    expect(await chat.useCases.grant(grantId)).toMatchObject({ status: 'active', terms: { durationMinutes: 120 } })
    await chat.say('rita', 'done')
  })

  test('done ends the grant: on the card, by its approver, and by a word where there is only one', async () => {
    const [one, two, three] = [
      await chat.useCases.granted(),
      await chat.useCases.granted(),
      await chat.useCases.granted(),
    ]
    const [which] = await chat.say('rita', 'done')
    for (const id of [one, two, three]) expect(which).toContain(id)
    expect(which).toMatch(/^You have 3 live grants/)
    expect(await chat.click('rita', 'done', { grantId: one })).toHaveProperty('card')
    expect(await chat.say('dana', `revoke ${two}`)).toEqual([expect.stringContaining(`Grant ${two} ends now`)])
    expect(await chat.say('rita', 'done')).toEqual([expect.stringContaining(`Grant ${three} ends now`)])
    expect(await chat.say('rita', 'done')).toEqual([expect.stringMatching(/^You have no live grant/)])
    for (const id of [one, two, three]) expect(await chat.useCases.grant(id)).toMatchObject({ status: 'revoking' })
    expect(await chat.click('rita', 'done', { grantId: one })).toHaveProperty('card')
  })
})

describe('in a conversation of many, everybody reads the answer', () => {
  test('a refusal says why, and not what this person may have', async () => {
    const [reply] = await chat.say('rita', 'request write s3://payroll/ because I want to', 'channel')
    expect(reply).toBe(
      'No entitlement of yours reaches s3://payroll/. Say request in our own chat to see what you may ask for.',
    )
  })

  test.each(['channel', 'groupChat'] as const)('my access is not shown there (%s)', async (type) => {
    await asked()
    for (const person of ['rita', 'max'] as const) {
      expect(await chat.say(person, 'my access', type)).toEqual([
        'Ask me that in our own chat: there it is for your eyes only.',
      ])
    }
  })

  test('of several grants, done names the ids and not what they reach', async () => {
    const ids = [await chat.useCases.granted(), await chat.useCases.granted()]
    const [which] = await chat.say('rita', 'done', 'channel')
    for (const id of ids) expect(which).toContain(id)
    expect(which).not.toContain('s3://')
  })
})

describe('the app comes to a person', () => {
  test('what could not be shown to them is due again; copies of others, and mails, stay as they are', async () => {
    const id = await asked()
    const dead = { dead: 'The app is not installed for this person.' }
    for (const message of await chat.storedMessages(id)) await chat.changeMessage(message, dead)
    expect(await chat.install('max')).toEqual(await chat.say('max', 'help'))
    expect(await chat.install('max')).toEqual(await chat.say('max', 'help'))
    const { objectId } = chat.useCases.as('max')
    const alive = (await chat.storedMessages(id)).filter(({ message }) => message.dead === undefined)
    expect(alive.map(({ message }) => [message.reader, message.place.channel])).toEqual([[objectId, 'personal']])
    const due = await chat.useCases.record.due('copies', await chat.useCases.record.now(), 100)
    expect(due.map((entry) => entry.id)).toContain(id)
  })

  test('nobody is greeted in a conversation of many', async () => {
    expect(await chat.install('max', 'channel')).toEqual([])
  })
})

describe('whoever asks too much asks the directory nothing', () => {
  async function refused(answer: Promise<unknown>): Promise<unknown> {
    const before = chat.useCases.entra.graphCalls.length
    const said = await answer
    expect(chat.useCases.entra.graphCalls.length).toBe(before)
    return said
  }

  test('neither by a form that is refused, nor by asking for one', async () => {
    for (let pending = 0; pending < 5; pending += 1) await asked()
    const sentence = expect.stringMatching(/^You already have 5 requests waiting\./)
    expect(await refused(ofForm())).toEqual({ error: { code: 'TOO_MANY', message: sentence } })
    expect(await refused(chat.say('rita', 'request'))).toEqual([sentence])
    expect(await refused(ofForm({ reason: '' }))).toMatchObject({ error: { message: /Say why you need this/ } })
  })

  test('nor by one form after the other', async () => {
    const shown = { forms: 0 }
    const next = async () => (await chat.say('kai', 'request'))[0]
    for (let reply = await next(); typeof reply === 'object'; reply = await next()) shown.forms += 1
    expect(shown.forms).toBe(60)
    const sentence = expect.stringMatching(/^You were shown 60 forms within an hour\./)
    expect(await refused(chat.say('kai', 'request'))).toEqual([sentence])
  })
})

test('whatever a card sends is answered with a sentence', async () => {
  const verbs = fc.oneof(fc.constantFrom('ask', 'approve', 'deny', 'view', 'done', 'cancel'), fc.string())
  const keys = fc.constantFrom('requestId', 'grantId', 'version', 'comment', 'for', 'scope', 'levels')
  const data = fc.dictionary(keys, fc.oneof(fc.jsonValue(), fc.constant(chat.useCases.as('rita').objectId)))
  await fc.assert(
    fc.asyncProperty(verbs, data, async (verb, given) => {
      const answer = await chat.click('oona', verb, given)
      expect(answer).toMatchObject({ error: { code: expect.any(String), message: expect.stringMatching(/\.$/) } })
    }),
    { numRuns: 60 },
  )
})
