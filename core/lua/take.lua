-- Take conversations that are due, the longest waiting first, and begin a turn in each: a new fence makes every earlier
-- holder's late writes fail, and the lease hides it from others.
-- Returns how many ms until the next one is due (-1: none is known), then for each {conversation, fence, {state,
-- attempts, deaths}, waiting, log}. What has nothing waiting leaves the queue.
-- KEYS: ready bell conversations (what the keys of a conversation begin with; all are in one slot)
-- ARGV: limit lease_ms lines
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local turns = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local hash = KEYS[3] .. id
  local waiting = redis.call('LRANGE', hash .. ':in', 0, 49)
  if #waiting == 0 then
    redis.call('ZREM', KEYS[1], id)
    redis.call('HDEL', hash, 'leased', 'since')
  else
    redis.call('ZADD', KEYS[1], now + ARGV[2], id)
    local known = redis.call('HMGET', hash, 'state', 'attempts', 'deaths', 'leased')
    -- Still leased: whoever had it died. Counted, so that a message that kills its workers does not for ever.
    if known[4] == '1' then known[3] = redis.call('HINCRBY', hash, 'deaths', 1) end
    local fence = redis.call('HINCRBY', hash, 'fence', 1)
    redis.call('HSET', hash, 'leased', 1)
    local log = redis.call('LRANGE', hash .. ':log', -ARGV[3], -1)
    turns[#turns + 1] = {id, fence, {known[1] or '', known[2] or 0, known[3] or 0}, waiting, log}
  end
end
local head = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local wait = -1
if head[2] then wait = math.max(0, math.ceil(head[2] - now)) end
-- With nothing due any more, what was rung so far has been heard.
if wait ~= 0 then redis.call('DEL', KEYS[2]) end
return {wait, turns}
