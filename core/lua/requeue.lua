-- Take a dead letter off its list and, if its reply is given, put that back into the outbox. Returns 1, or 0 if there is
-- no such letter (any more).
-- KEYS: dead hash out due ring
-- ARGV: reply_id conversation reply ttl_ms bells
for _, stored in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  if cjson.decode(stored).reply.id == ARGV[1] then
    redis.call('LREM', KEYS[1], 1, stored)
    if ARGV[3] ~= '' then
      local time = redis.call('TIME')
      redis.call('HSETNX', KEYS[2], 'out_fence', 0)
      -- Whoever sends it again wants it to be tried.
      redis.call('HDEL', KEYS[2], 'closed')
      -- The conversation may have been erased meanwhile; what is left of it must not stay for ever.
      if redis.call('PTTL', KEYS[2]) < 0 then redis.call('PEXPIRE', KEYS[2], ARGV[4]) end
      redis.call('RPUSH', KEYS[3], ARGV[3])
      if redis.call('PTTL', KEYS[3]) < 0 then redis.call('PEXPIRE', KEYS[3], ARGV[4]) end
      redis.call('ZADD', KEYS[4], 'NX', time[1] * 1000 + math.floor(time[2] / 1000), ARGV[2])
      redis.call('LPUSH', KEYS[5], 1)
      redis.call('LTRIM', KEYS[5], 0, ARGV[5] - 1)
    end
    return 1
  end
end
return 0
