-- Take conversations whose outbox is due, the longest waiting first: the first reply of each under a new fence and a
-- lease, and what of it is already on the platform.
-- Returns how many ms until the next one is due (-1: none is known), then for each {conversation, fence, reply, shown,
-- draft}. What has nothing to send leaves the queue.
-- KEYS: due ring conversations (what the keys of a conversation begin with; all are in one slot)
-- ARGV: limit lease_ms
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local unsent = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local hash = KEYS[3] .. id
  local reply = redis.call('LINDEX', hash .. ':out', 0)
  if not reply then
    redis.call('ZREM', KEYS[1], id)
  else
    redis.call('ZADD', KEYS[1], now + ARGV[2], id)
    local fence = redis.call('HINCRBY', hash, 'out_fence', 1)
    local known = redis.call('HMGET', hash, 'shown', 'draft')
    unsent[#unsent + 1] = {id, fence, reply, known[1] or '', known[2] or ''}
  end
end
local head = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local wait = -1
if head[2] then wait = math.max(0, math.ceil(head[2] - now)) end
-- With nothing due any more, what was rung so far has been heard.
if wait ~= 0 then redis.call('DEL', KEYS[2]) end
return {wait, unsent}
