-- Take conversations whose outbox is due, the longest waiting first: the first reply of each under a new fence and a
-- lease, and what of it is already on the platform. What is handed out is marked as begun (the intent); recording the
-- result lifts the mark. Where it stands already, whoever had the reply before died, or got no answer: nobody knows
-- whether the next part of it arrived.
-- Returns how many ms until the next one is due (-1: none is known), then for each {conversation, fence, reply, shown,
-- draft, ms since a first draft was begun that nobody heard of (-1: none), ms since the mark (-1: none), closed}.
-- What has nothing to send leaves the queue.
-- The same number again: the answer was lost, so the same replies are given, as they stood then.
-- KEYS: due ring conversations (what the keys of a conversation begin with; all are in one slot) claim
-- ARGV: limit lease_ms number claim_ms
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local unsent, claimed = {}, {ARGV[3]}
local function add(id, fence, reply, known, drafting, begun)
  redis.call('ZADD', KEYS[1], now + ARGV[2], id)
  unsent[#unsent + 1] = {id, fence, reply, known[1] or '', known[2] or '', drafting, begun, known[5] or ''}
end
local last = redis.call('GET', KEYS[4])
last = last and cjson.decode(last)
local again = last and last[1] == ARGV[3]
for i = 2, again and #last or 0 do
  local id, fence, begun, drafting = unpack(last[i])
  local hash = KEYS[3] .. id
  local known = redis.call('HMGET', hash, 'shown', 'draft', 'draft_at', 'begun', 'closed', 'out_fence')
  local reply = redis.call('LINDEX', hash .. ':out', 0)
  if reply and known[6] == fence then add(id, tonumber(fence), reply, known, drafting, begun) end
end
for _, id in ipairs(again and {} or redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local hash = KEYS[3] .. id
  local reply = redis.call('LINDEX', hash .. ':out', 0)
  if not reply then
    redis.call('ZREM', KEYS[1], id)
  else
    local known = redis.call('HMGET', hash, 'shown', 'draft', 'draft_at', 'begun', 'closed', 'out_fence')
    local fence = (known[6] or 0) + 1
    redis.call('HSET', hash, 'out_fence', fence, 'begun', known[4] or now)
    local drafting, begun = known[3] and now - known[3] or -1, known[4] and now - known[4] or -1
    claimed[#claimed + 1] = {id, tostring(fence), begun, drafting}
    add(id, fence, reply, known, drafting, begun)
  end
end
if #claimed > 1 then redis.call('SET', KEYS[4], cjson.encode(claimed), 'PX', ARGV[4]) end
local head = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local wait = -1
if head[2] then wait = math.max(0, math.ceil(head[2] - now)) end
-- With nothing due any more, what was rung so far has been heard.
if wait ~= 0 then redis.call('DEL', KEYS[2]) end
return {wait, unsent}
