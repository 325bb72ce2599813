-- Take conversations that are due, or (seated) that stand in line for a seat at the model, the longest waiting first, and
-- begin a turn in each: a new fence makes every earlier holder's late writes fail, and the lease hides it from others.
-- Returns how many ms until the next one is due (-1: none is known; seated: how many are left in line), then for each
-- {conversation, fence, {state, attempts, deaths, withdrawn, draft, told}, waiting, log}. What has nothing waiting leaves
-- the queue.
-- The same number again: the answer was lost, so the same turns are given, and nobody died over them.
-- KEYS: ready bell conversations (what the keys of a conversation begin with; all are in one slot) claim line
-- ARGV: limit lease_ms lines number claim_ms seated
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local turns, claimed = {}, {ARGV[4]}
local function add(id, fence, known, waiting)
  redis.call('ZADD', KEYS[1], now + ARGV[2], id)
  for i = 1, 6 do known[i] = known[i] or '' end
  local log = redis.call('LRANGE', KEYS[3] .. id .. ':log', -ARGV[3], -1)
  turns[#turns + 1] = {id, fence, {unpack(known, 1, 6)}, waiting, log}
end
local function wanted()
  local limit, ids = tonumber(ARGV[1]), {}
  if ARGV[6] ~= '1' then return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, limit) end
  -- Some in line are being looked at, because something was added: they keep their place.
  for _, id in ipairs(limit > 0 and redis.call('ZRANGE', KEYS[5], 0, limit + 31) or {}) do
    if #ids < limit and redis.call('HGET', KEYS[3] .. id, 'leased') ~= '1' then ids[#ids + 1] = id end
  end
  return ids
end
local last = redis.call('GET', KEYS[4])
last = last and cjson.decode(last)
local again = last and last[1] == ARGV[4]
for i = 2, again and #last or 0 do
  local id, fence = unpack(last[i])
  local hash = KEYS[3] .. id
  local known = redis.call('HMGET', hash, 'state', 'attempts', 'deaths', 'withdrawn', 'draft', 'told', 'leased', 'fence')
  if known[7] == '1' and known[8] == fence then
    add(id, tonumber(fence), known, redis.call('LRANGE', hash .. ':in', 0, 49))
  end
end
for _, id in ipairs(again and {} or wanted()) do
  local hash = KEYS[3] .. id
  local waiting = redis.call('LRANGE', hash .. ':in', 0, 49)
  if #waiting == 0 then
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZREM', KEYS[5], id)
    redis.call('HDEL', hash, 'leased', 'since')
  else
    local known = redis.call('HMGET', hash, 'state', 'attempts', 'deaths', 'withdrawn', 'draft', 'told', 'leased')
    -- Still leased: whoever had it died. Counted, so that a message that kills its workers does not for ever.
    if known[7] == '1' then known[3] = redis.call('HINCRBY', hash, 'deaths', 1) end
    if ARGV[6] == '1' then redis.call('ZREM', KEYS[5], id) end
    local fence = redis.call('HINCRBY', hash, 'fence', 1)
    redis.call('HSET', hash, 'leased', 1)
    claimed[#claimed + 1] = {id, tostring(fence)}
    add(id, fence, known, waiting)
  end
end
if #claimed > 1 then redis.call('SET', KEYS[4], cjson.encode(claimed), 'PX', ARGV[5]) end
if ARGV[6] == '1' then return {redis.call('ZCARD', KEYS[5]), turns} end
local head = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local wait = -1
if head[2] then wait = math.max(0, math.ceil(head[2] - now)) end
-- With nothing due any more, what was rung so far has been heard.
if wait ~= 0 then redis.call('DEL', KEYS[2]) end
return {wait, turns}
