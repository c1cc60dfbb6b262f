-- KEYS: the lease. ARGV: the holder's token, for how long (ms); 0 gives it back.
-- Answers 1 when that was done, 0 when somebody else holds it.

local holder = redis.call('GET', KEYS[1])
-- A lease without an end was not written by us, and would keep everybody out for ever.
if holder and holder ~= ARGV[1] and redis.call('PTTL', KEYS[1]) > 0 then return 0 end

if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
