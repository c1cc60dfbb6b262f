-- The only write to the record. It is all or nothing: everything that may fail comes before the first write.
-- KEYS: the commit's token, audit, outbox, epoch; then one key for each record, limit and move, in the order of ARGV.
-- ARGV: how long the token is remembered (ms); the new epoch, or '' for none; then five lists, each after its length:
--   records: expected version, JSON or '' to leave it unchanged
--   limits: since, at most
--   moves of due and index entries: id, score or '' to remove
--   audit events: JSON
--   jobs: JSON
-- Answers {'done'}, {'conflict', n} or {'limit', n}; n counts from 1.

local keyAt, argAt = 4, 2

local function key()
  keyAt = keyAt + 1
  return KEYS[keyAt]
end

local function arg()
  argAt = argAt + 1
  return ARGV[argAt]
end

local function list(read)
  local items = {}
  for n = 1, tonumber(arg()) do items[n] = read() end
  return items
end

local function keyAndTwo()
  local name, first, second = key(), arg(), arg()
  return { key = name, first = first, second = second }
end

local records, limits, moves = list(keyAndTwo), list(keyAndTwo), list(keyAndTwo)
local events, jobs = list(arg), list(arg)

-- A version that no commit could have written counts as none, so that junk does not stop a record from being made.
local function version_of(name)
  local version = redis.call('HGET', name, 'version') or '0'
  return #version <= 15 and string.match(version, '^[1-9]%d*$') or '0'
end

-- This commit was carried out before, and its reply was lost.
if redis.call('EXISTS', KEYS[1]) == 1 then return { 'done' } end

for n, record in ipairs(records) do
  if tonumber(version_of(record.key)) ~= tonumber(record.first) then return { 'conflict', n } end
end
for n, limit in ipairs(limits) do
  if redis.call('ZCOUNT', limit.key, '(' .. limit.first, '+inf') >= tonumber(limit.second) then return { 'limit', n } end
end

-- Redis does not roll back when a command fails half way. These reads find a key of a wrong type before any write.
redis.call('XLEN', KEYS[2])
redis.call('XLEN', KEYS[3])
for _, move in ipairs(moves) do redis.call('ZCARD', move.key) end

-- The first write, because it needs memory. A full Redis refuses it, but accepts everything once a script has written.
redis.call('SET', KEYS[1], '', 'PX', ARGV[1])

-- Removes entries that a limit no longer counts, so that no person's index grows without end.
for _, limit in ipairs(limits) do redis.call('ZREMRANGEBYSCORE', limit.key, '-inf', limit.first) end
for _, record in ipairs(records) do
  if record.second ~= '' then
    redis.call('HSET', record.key, 'version', tonumber(record.first) + 1, 'json', record.second)
  end
end
for _, move in ipairs(moves) do
  if move.second == '' then
    redis.call('ZREM', move.key, move.first)
  else
    redis.call('ZADD', move.key, move.second, move.first)
  end
end
if ARGV[2] ~= '' then redis.call('SET', KEYS[4], ARGV[2]) end
for _, event in ipairs(events) do append_event(KEYS[2], event) end
for _, job in ipairs(jobs) do append_job(KEYS[3], job) end
return { 'done' }
