-- Record what is on the platform of a reply; its next part is begun now. Returns 1, or 0 if another sender took over.
-- KEYS: hash    ARGV: fence shown
if redis.call('HGET', KEYS[1], 'out_fence') ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'shown', ARGV[2], 'begun', time[1] * 1000 + math.floor(time[2] / 1000))
return 1
