-- KEYS: the epoch. ARGV: a new epoch, written if there is none.
-- Returns the epoch. A value that is not a UUID was not written by Latchkey, and counts as lost.
-- With a new epoch nothing is granted before AWS carries it.

local hex = '[0-9a-f]'
local uuid = '^' .. hex:rep(8) .. '%-' .. (hex:rep(4) .. '%-'):rep(3) .. hex:rep(12) .. '$'

local isText = redis.call('TYPE', KEYS[1]).ok == 'string'
local present = isText and redis.call('STRLEN', KEYS[1]) == 36 and redis.call('GET', KEYS[1])
if present and present:match(uuid) then return present end

redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
