-- Store a message; once for each update. A worker that has the conversation is told; a chat that was closed is open
-- again. Returns 1, or 0 for a duplicate.
-- KEYS: hash waiting seen ready bell heard
-- ARGV: conversation update message merge_ms ttl_ms seen_ms bells heard_in at_ms heard_ms news
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local merge, ttl = tonumber(ARGV[4]), tonumber(ARGV[5])
if redis.call('ZADD', KEYS[3], 'NX', now, ARGV[2]) == 0 then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[6])
redis.call('PEXPIRE', KEYS[3], ARGV[6])
local waiting = redis.call('RPUSH', KEYS[2], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ttl)
if ARGV[8] ~= '' then
  redis.call('ZADD', KEYS[6], 'GT', ARGV[9], ARGV[8])
  redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', now - ARGV[10])
  redis.call('PEXPIRE', KEYS[6], ARGV[10])
end
local known = redis.call('HMGET', KEYS[1], 'leased', 'since', 'closed')
if known[3] then redis.call('HDEL', KEYS[1], 'closed') end
if known[1] == '1' then
  redis.call('PUBLISH', ARGV[11], ARGV[1])
else
  -- A burst is one turn: each further message pushes the turn back a little, but not for ever.
  local since = known[2]
  if not since or waiting == 1 then
    since = now
    redis.call('HSET', KEYS[1], 'since', now)
  end
  redis.call('ZADD', KEYS[4], math.min(now + merge, since + 4 * merge), ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ttl)
if redis.call('LPUSH', KEYS[5], 1) > tonumber(ARGV[7]) then redis.call('LTRIM', KEYS[5], 0, ARGV[7] - 1) end
return 1
