-- Folds a batch of CloudTrail records. Each is marked as seen and counted once, for its grant or as unexplained.
-- Then its entry is removed from the inbox.
-- KEYS: inbox, seen, unexplained, audit, due messages, outbox; then two for each grant: write summary, last writes.
-- ARGV: consumer group; how long unexplained records are collected (ms); their greatest number of groups; the group for
--   all others; how many last writes are kept; shortest time between two edits of a live card (ms); how many records;
--   each record as JSON; then entry ids.
-- A record has id, forgetAtMs, at (ISO 8601) and atMs.
--   If no grant explains it: gather, its group, as the JSON of an audit event without the last fields.
--   If a grant explains it and it is a write: grant (its position), request, kind, bytes, and last,
--   as the JSON of its entry among the last writes.
-- Returns how many records were new.

local group, gatherMs, maxGroups = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local othersGroup, maxLast = ARGV[4], tonumber(ARGV[5])
local cardIntervalMs, lastRecord = tonumber(ARGV[6]), 7 + tonumber(ARGV[7])
local inbox, seen, unexplained, audit, dueMessages, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- Before the first write, like everything that may fail.
local records = {}
for n = 8, lastRecord do records[n - 7] = cjson.decode(ARGV[n]) end

-- Redis does not roll back when a command fails half way, so types are checked first. A key of a wrong type was not
-- written by Latchkey, and is deleted.
local function deleteOtherType(key, wanted)
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= wanted then redis.call('DEL', key) end
end
redis.call('XLEN', inbox)
redis.call('XLEN', audit)
redis.call('XLEN', outbox)
redis.call('ZCARD', dueMessages)
deleteOtherType(seen, 'zset')
deleteOtherType(unexplained, 'hash')
for n = 7, #KEYS, 2 do
  deleteOtherType(KEYS[n], 'hash')
  deleteOtherType(KEYS[n + 1], 'zset')
end

local function add(key, field, more)
  if more == 0 then return end
  local sum = (tonumber(redis.call('HGET', key, field) or '') or 0) + more
  redis.call('HSET', key, field, string.format('%.0f', sum))
end

local function widen(key, at)
  local first, last = redis.call('HGET', key, 'firstAt'), redis.call('HGET', key, 'lastAt')
  if not first or at < first then redis.call('HSET', key, 'firstAt', at) end
  if not last or at > last then redis.call('HSET', key, 'lastAt', at) end
end

local function count(summary, last, record)
  add(summary, record.kind, 1)
  add(summary, 'bytes', record.bytes)
  widen(summary, record.at)
  redis.call('ZADD', last, 'GT', record.atMs, record.last)
  redis.call('ZREMRANGEBYRANK', last, 0, -maxLast - 1)
end

local function gather(what, at)
  -- The hash has one field more than there are groups: `since`. Hence `>`.
  if redis.call('HEXISTS', unexplained, what) == 0 and redis.call('HLEN', unexplained) > maxGroups then what = othersGroup end
  local known = redis.call('HGET', unexplained, what) or ''
  local n, first, last = string.match(known, '^(%d+) (%S+) (%S+)$')
  n, first, last = (tonumber(n) or 0) + 1, first or at, last or at
  if at < first then first = at end
  if at > last then last = at end
  redis.call('HSET', unexplained, what, string.format('%d %s %s', n, first, last))
  redis.call('HSETNX', unexplained, 'since', now)
end

local new, changed = 0, {}
for _, record in ipairs(records) do
  -- The script's first write. A full Redis refuses it, but accepts everything once a script has written.
  if redis.call('ZADD', seen, 'NX', record.forgetAtMs, record.id) == 1 then
    new = new + 1
    if record.gather then
      gather(record.gather, record.at)
    elseif record.kind then
      count(KEYS[5 + 2 * record.grant], KEYS[6 + 2 * record.grant], record)
      changed[record.request] = true
    end
  end
end

-- One job for each slot of time. It also shows what is counted until it runs.
local slot = math.floor(now / cardIntervalMs)
local showAt = string.format('%.0f', (slot + 1) * cardIntervalMs)
for request in pairs(changed) do
  redis.call('ZADD', dueMessages, 'LT', showAt, request)
  local occasion = string.format('d%.0f', slot)
  append_job(outbox, string.format('{"act":"sync","recordId":"%s","occasion":"%s","at":%s}', request, occasion, showAt))
end

local since = tonumber(redis.call('HGET', unexplained, 'since') or '')
if since and (now - since >= gatherMs or now < since) then
  local found = redis.call('HGETALL', unexplained)
  for n = 1, #found, 2 do
    local times, first, last = string.match(found[n + 1], '^(%d+) (%S+) (%S+)$')
    if times then
      local ending = string.format(',"count":%s,"firstAt":"%s","lastAt":"%s"}', times, first, last)
      append_event(audit, string.sub(found[n], 1, -2) .. ending)
    end
  end
  redis.call('DEL', unexplained)
end

if #ARGV > lastRecord then
  redis.call('XACK', inbox, group, unpack(ARGV, lastRecord + 1))
  redis.call('XDEL', inbox, unpack(ARGV, lastRecord + 1))
end

-- At most 1,000 at once: after a long pause there may be very many.
local forgotten = redis.call('ZRANGEBYSCORE', seen, '-inf', now, 'LIMIT', 0, 1000)
if #forgotten > 0 then redis.call('ZREM', seen, unpack(forgotten)) end
return new
