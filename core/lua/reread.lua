-- What a turn has become since it was taken: more may wait, some may be withdrawn.
-- Returns {{state, attempts, deaths, withdrawn, draft, told}, waiting, log}, or nothing if the lease was lost.
-- KEYS: hash waiting log    ARGV: fence lines
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return false end
local known = redis.call('HMGET', KEYS[1], 'state', 'attempts', 'deaths', 'withdrawn', 'draft', 'told')
for i = 1, 6 do known[i] = known[i] or '' end
return {known, redis.call('LRANGE', KEYS[2], 0, 49), redis.call('LRANGE', KEYS[3], -ARGV[2], -1)}
