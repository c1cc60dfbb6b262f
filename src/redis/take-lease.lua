-- KEYS: the lease. ARGV: the holder's token, for how long (ms); 0 gives it back; 'take' or 'renew': only what is still held is renewed.
-- Answers 1 when that was done, 0 when somebody else holds it.

if tonumber(ARGV[2]) > 60000 then return redis.error_reply('ERR a lease is for a minute at most') end

local isText = redis.call('TYPE', KEYS[1]).ok == 'string'
local holder = isText and redis.call('GET', KEYS[1])
if ARGV[3] == 'renew' and holder ~= ARGV[1] then return 0 end

local left = redis.call('PTTL', KEYS[1])
-- A lease without an end, or longer than a minute, was not written by us, and would keep everybody out for ever.
if holder and holder ~= ARGV[1] and left > 0 and left <= 60000 then return 0 end

if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
