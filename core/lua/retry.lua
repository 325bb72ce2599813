-- Hand a turn back: it is due again after a while. Returns 1, or 0 if the lease was lost.
-- KEYS: hash ready    ARGV: conversation fence delay_ms attempts
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3], ARGV[1])
redis.call('HSET', KEYS[1], 'attempts', ARGV[4])
redis.call('HDEL', KEYS[1], 'leased', 'since')
return 1
