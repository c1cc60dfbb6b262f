-- KEYS: the lease.
-- ARGV: the caller's token; for how long (ms), or 0 to give it back; 'take' or 'renew'.
-- Returns 1 if done, otherwise 0: another token holds the lease, or at 'renew' the caller's token does not hold it.

if tonumber(ARGV[2]) > 60000 then return redis.error_reply('ERR a lease is for a minute at most') end

local isText = redis.call('TYPE', KEYS[1]).ok == 'string'
local holder = isText and redis.call('GET', KEYS[1])
if ARGV[3] == 'renew' and holder ~= ARGV[1] then return 0 end

local left = redis.call('PTTL', KEYS[1])
-- A lease without an end, or longer than a minute, was not written by Latchkey. It might never end, so it is ignored.
if holder and holder ~= ARGV[1] and left > 0 and left <= 60000 then return 0 end

if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
