-- Put in front of the scripts that write audit events and jobs (`readScript`).

local function append_event(audit, event) redis.call('XADD', audit, '*', 'event', event) end
local function append_job(outbox, job) redis.call('XADD', outbox, '*', 'job', job) end

