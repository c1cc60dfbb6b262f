-- Allows one operation at a time in a conversation, and no more than its limits.
-- KEYS: the conversation's budget.
-- ARGV: the caller's token; how long an operation may last (ms), or 0 to give the permit back; then for each window:
--   how many operations may come at once, and the time between the others (ms).
-- Returns 0 if the caller has the permit, otherwise how long to wait (ms).

local budget, token, lastsMs = KEYS[1], ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local kind = redis.call('TYPE', budget).ok
if kind ~= 'none' and kind ~= 'hash' then redis.call('DEL', budget) end

local function number(field)
  return tonumber(redis.call('HGET', budget, field) or '') or 0
end

if lastsMs == 0 then
  if redis.call('HGET', budget, 'holder') == token then redis.call('HDEL', budget, 'holder', 'until') end
  return 0
end

local heldMs = number('until') - now
-- A permit for longer than `lastsMs` is ignored: it was not written by Latchkey, or the clock was set back.
if redis.call('HEXISTS', budget, 'holder') == 1 and heldMs > 0 and heldMs <= lastsMs then return math.min(heldMs, 250) end

-- Each window is a bucket that empties evenly (GCRA): `burst` at once, then one each `apart` ms.
local waitMs, next, longest = 0, {}, lastsMs
for n = 3, #ARGV, 2 do
  local burst, apart = tonumber(ARGV[n]), tonumber(ARGV[n + 1])
  local free = number('free-' .. n)
  if free < now or free > now + burst * apart then free = now end
  waitMs = math.max(waitMs, free - now - (burst - 1) * apart)
  next['free-' .. n] = free + apart
  longest = math.max(longest, free + apart - now)
end
if waitMs > 0 then return math.ceil(waitMs) end

for field, free in pairs(next) do redis.call('HSET', budget, field, string.format('%.0f', free)) end
redis.call('HSET', budget, 'holder', token, 'until', string.format('%.0f', now + lastsMs))
redis.call('PEXPIRE', budget, string.format('%.0f', longest))
return 0
