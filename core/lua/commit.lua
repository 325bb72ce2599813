-- End a turn in one step: history, reply to the outbox, what is known, and the messages are done with.
-- Returns 1; 0 if the lease was lost, 2 if something was withdrawn that the worker does not know of: nothing is written.
-- KEYS: hash waiting log ready bell out due ring traces line seats unanswered
-- ARGV: conversation fence taken ttl_ms keep_lines erase reply trace trace_ms state bells withdrawn
-- held_ms (how long it held a seat; '': it had none) told_after (so many lines before what was told of the line)
-- unanswered (1: there was no answer to it) lines...
local known = redis.call('HMGET', KEYS[1], 'fence', 'withdrawn', 'ended', 'told')
-- The client repeats a call whose answer was lost: the fence is spent, so the second time nothing is written.
if known[1] ~= ARGV[2] then return known[3] == ARGV[2] and 1 or 0 end
if (known[2] or '0') ~= ARGV[12] then return 2 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ttl, keep = ARGV[4], tonumber(ARGV[5])
local function ring(bell)
  if redis.call('LPUSH', bell, 1) > tonumber(ARGV[11]) then redis.call('LTRIM', bell, 0, ARGV[11] - 1) end
end
redis.call('LTRIM', KEYS[2], ARGV[3], -1)
if ARGV[6] == '1' then redis.call('DEL', KEYS[3], KEYS[9]) end
local lines = {unpack(ARGV, 16)}
if known[4] then table.insert(lines, math.min(ARGV[14], #lines) + 1, known[4]) end
if #lines > 0 and redis.call('RPUSH', KEYS[3], unpack(lines)) > keep then redis.call('LTRIM', KEYS[3], -keep, -1) end
redis.call('HSET', KEYS[1], 'state', ARGV[10], 'fence', ARGV[2] + 1, 'ended', ARGV[2])
redis.call('HDEL', KEYS[1], 'leased', 'since', 'attempts', 'deaths', 'withdrawn', 'told')
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('PEXPIRE', KEYS[3], ttl)
if ARGV[7] ~= '' then
  redis.call('RPUSH', KEYS[6], ARGV[7])
  redis.call('ZADD', KEYS[7], 'NX', now, ARGV[1])
  ring(KEYS[8])
end
redis.call('PEXPIRE', KEYS[6], ttl)
if ARGV[8] ~= '' then
  if redis.call('RPUSH', KEYS[9], ARGV[8]) > keep then redis.call('LTRIM', KEYS[9], -keep, -1) end
  redis.call('PEXPIRE', KEYS[9], ARGV[9])
  if ARGV[15] == '1' then
    redis.call('ZADD', KEYS[12], now, ARGV[1])
    redis.call('ZREMRANGEBYSCORE', KEYS[12], '-inf', now - ARGV[9])
    redis.call('PEXPIRE', KEYS[12], ARGV[9])
  end
end
if redis.call('PEXPIRE', KEYS[2], ttl) == 1 then
  redis.call('HSET', KEYS[1], 'since', now)
  redis.call('ZADD', KEYS[4], now, ARGV[1])
  ring(KEYS[5])
else
  redis.call('ZREM', KEYS[4], ARGV[1])
end
redis.call('ZREM', KEYS[10], ARGV[1])
if ARGV[13] ~= '' then
  -- A mean that forgets: the last five turns are about two thirds of it.
  local mean = redis.call('HGET', KEYS[11], 'held_ms') or ARGV[13]
  mean = math.floor(mean + 0.2 * (ARGV[13] - mean))
  if redis.call('HSET', KEYS[11], 'held_ms', mean) == 1 then redis.call('PEXPIRE', KEYS[11], ttl) end
end
return 1
