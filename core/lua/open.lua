-- Begin a turn: a new fence makes every earlier holder's late writes fail.
-- Returns {fence, hash, waiting, log}; with nothing waiting the conversation leaves the queue.
-- KEYS: hash waiting log ready    ARGV: conversation lines
local waiting = redis.call('LRANGE', KEYS[2], 0, 49)
if #waiting == 0 then
  redis.call('ZREM', KEYS[4], ARGV[1])
  redis.call('HDEL', KEYS[1], 'leased', 'since')
  return {0, {}, {}, {}}
end
-- Still leased: whoever had it died. Counted, so that a message that kills its workers does not kill them for ever.
if redis.call('HGET', KEYS[1], 'leased') == '1' then redis.call('HINCRBY', KEYS[1], 'deaths', 1) end
local fence = redis.call('HINCRBY', KEYS[1], 'fence', 1)
redis.call('HSET', KEYS[1], 'leased', 1)
return {fence, redis.call('HGETALL', KEYS[1]), waiting, redis.call('LRANGE', KEYS[3], -ARGV[2], -1)}
