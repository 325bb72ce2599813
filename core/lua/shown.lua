-- Record what is on the platform of a reply. Returns 1, or 0 if another sender took over.
-- KEYS: hash    ARGV: fence shown
if redis.call('HGET', KEYS[1], 'out_fence') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'shown', ARGV[2])
return 1
