-- Take conversations that are due, the longest waiting first, and hide them for the length of a lease.
-- Returns how many ms until the next one is due (-1: none is known), then the conversations.
-- KEYS: due    ARGV: limit lease_ms
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do redis.call('ZADD', KEYS[1], now + ARGV[2], id) end
local head = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local wait = -1
if head[2] then wait = math.max(0, head[2] - now) end
return {wait, ids}
