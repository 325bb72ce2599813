-- The first reply of the outbox is done with (delivered, or dead for the reason given); the next one is due now.
-- Returns 1, or 0 if another sender took over.
-- KEYS: hash out due ring dead    ARGV: conversation fence delivered dead_letter dead_ms bells
if redis.call('HGET', KEYS[1], 'out_fence') ~= ARGV[2] then return 0 end
redis.call('LPOP', KEYS[2])
-- The client repeats a call whose answer was lost: the fence is spent, so the second time nothing is popped.
redis.call('HSET', KEYS[1], 'delivered', ARGV[3], 'out_fence', ARGV[2] + 1)
redis.call('HDEL', KEYS[1], 'shown', 'draft')
if ARGV[4] ~= '' then
  redis.call('RPUSH', KEYS[5], ARGV[4])
  redis.call('PEXPIRE', KEYS[5], ARGV[5])
end
if redis.call('LLEN', KEYS[2]) > 0 then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[3], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1])
  redis.call('LPUSH', KEYS[4], 1)
  redis.call('LTRIM', KEYS[4], 0, ARGV[6] - 1)
else
  redis.call('ZREM', KEYS[3], ARGV[1])
end
return 1
