-- The platform did not take the reply: it is due again after a while. Returns 1, or 0 if another sender took over.
-- KEYS: hash due ring
-- ARGV: conversation fence delay_ms shown bells unanswered (1: it may have been taken all the same, the mark stays)
if redis.call('HGET', KEYS[1], 'out_fence') ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3], ARGV[1])
redis.call('HSET', KEYS[1], 'shown', ARGV[4])
if ARGV[6] ~= '1' then redis.call('HDEL', KEYS[1], 'begun') end
-- An idle sender sleeps until the lease would end; it must learn that it is due before.
redis.call('LPUSH', KEYS[3], 1)
redis.call('LTRIM', KEYS[3], 0, ARGV[5] - 1)
return 1
