-- Hand a turn back: it is due again after a while, and waits since it did. Returns 1, or 0 if the lease was lost.
-- KEYS: hash ready bell    ARGV: conversation fence delay_ms attempts bells
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3], ARGV[1])
redis.call('HSET', KEYS[1], 'attempts', ARGV[4])
redis.call('HDEL', KEYS[1], 'leased')
-- An idle worker sleeps until the lease would end; it must learn that it is due before.
redis.call('LPUSH', KEYS[3], 1)
redis.call('LTRIM', KEYS[3], 0, ARGV[5] - 1)
return 1
