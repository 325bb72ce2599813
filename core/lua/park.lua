-- A turn that stands in line waits there, without a lease; if a notice is given, the shopper is told so. It may be due
-- after a while all the same, so that somebody looks at it again.
-- Returns 1, or 0 if the lease was lost.
-- KEYS: hash ready out due ring    ARGV: conversation fence news partition told notice ttl_ms bells
-- look_ms ('': it is not due)
local known = redis.call('HMGET', KEYS[1], 'fence', 'ended')
-- The client repeats a call whose answer was lost: the fence is spent, so the second time nobody is told again.
if known[1] ~= ARGV[2] then return known[2] == ARGV[2] and 1 or 0 end
redis.call('HSET', KEYS[1], 'fence', ARGV[2] + 1, 'ended', ARGV[2])
redis.call('HDEL', KEYS[1], 'leased')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[9] ~= '' then redis.call('ZADD', KEYS[2], now + ARGV[9], ARGV[1]) else redis.call('ZREM', KEYS[2], ARGV[1]) end
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[1], 'told', ARGV[5])
  redis.call('RPUSH', KEYS[3], ARGV[6])
  redis.call('PEXPIRE', KEYS[3], ARGV[7])
  redis.call('ZADD', KEYS[4], 'NX', now, ARGV[1])
  if redis.call('LPUSH', KEYS[5], 1) > tonumber(ARGV[8]) then redis.call('LTRIM', KEYS[5], 0, ARGV[8] - 1) end
end
-- Another worker may have a seat that is free.
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
