-- End a turn in one step: history, reply to the outbox, what is known, and the messages are done with.
-- Returns 1, or 0 if the lease was lost (nothing is written then).
-- KEYS: hash waiting log ready bell out due ring traces
-- ARGV: conversation fence taken ttl_ms keep_lines erase reply trace trace_ms state bells lines...
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ttl = ARGV[4]
redis.call('LTRIM', KEYS[2], ARGV[3], -1)
if ARGV[6] == '1' then redis.call('DEL', KEYS[3], KEYS[9]) end
for i = 12, #ARGV do redis.call('RPUSH', KEYS[3], ARGV[i]) end
redis.call('LTRIM', KEYS[3], -ARGV[5], -1)
redis.call('HSET', KEYS[1], 'state', ARGV[10])
-- The client repeats a call whose answer was lost: the fence is spent, so the second time nothing is written.
redis.call('HINCRBY', KEYS[1], 'fence', 1)
redis.call('HDEL', KEYS[1], 'leased', 'since', 'attempts', 'deaths')
if ARGV[7] ~= '' then
  redis.call('RPUSH', KEYS[6], ARGV[7])
  redis.call('ZADD', KEYS[7], 'NX', now, ARGV[1])
  redis.call('LPUSH', KEYS[8], 1)
  redis.call('LTRIM', KEYS[8], 0, ARGV[11] - 1)
end
if ARGV[8] ~= '' then
  redis.call('RPUSH', KEYS[9], ARGV[8])
  redis.call('LTRIM', KEYS[9], -ARGV[5], -1)
  redis.call('PEXPIRE', KEYS[9], ARGV[9])
end
for _, key in ipairs({KEYS[1], KEYS[2], KEYS[3], KEYS[6]}) do redis.call('PEXPIRE', key, ttl) end
if redis.call('LLEN', KEYS[2]) > 0 then
  redis.call('ZADD', KEYS[4], now, ARGV[1])
  redis.call('LPUSH', KEYS[5], 1)
  redis.call('LTRIM', KEYS[5], 0, ARGV[11] - 1)
else
  redis.call('ZREM', KEYS[4], ARGV[1])
end
return 1
