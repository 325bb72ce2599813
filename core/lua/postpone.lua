-- The platform did not take the reply: it is due again after a while. Returns 1, or 0 if another sender took over.
-- KEYS: hash due    ARGV: conversation fence delay_ms shown
if redis.call('HGET', KEYS[1], 'out_fence') ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3], ARGV[1])
redis.call('HSET', KEYS[1], 'shown', ARGV[4])
return 1
