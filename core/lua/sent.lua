-- The first reply of the outbox is done with (delivered, or dead for the reason given); the next one is due now.
-- What is not as usual is written on its line of the history, and counted. A chat is closed only if nothing that
-- was written in it waits for an answer.
-- Returns 1, or 0 if another sender took over.
-- KEYS: hash out due ring dead counts
-- ARGV: conversation fence delivered dead_letter dead_ms bells delivery ('': as usual) reason closed ('': open) counts_ms
local known = redis.call('HMGET', KEYS[1], 'out_fence', 'delivered')
-- The client repeats a call whose answer was lost: the fence is spent, so the second time nothing is popped.
if known[1] ~= ARGV[2] then return known[2] == ARGV[3] and 1 or 0 end
redis.call('LPOP', KEYS[2])
redis.call('HSET', KEYS[1], 'delivered', ARGV[3], 'out_fence', ARGV[2] + 1)
redis.call('HDEL', KEYS[1], 'shown', 'draft', 'draft_at', 'begun')
if ARGV[4] ~= '' then
  redis.call('RPUSH', KEYS[5], ARGV[4])
  redis.call('PEXPIRE', KEYS[5], ARGV[5])
end
if ARGV[7] ~= '' then
  redis.call('HINCRBY', KEYS[6], ARGV[7], 1)
  redis.call('PEXPIRE', KEYS[6], ARGV[10])
  local log, reply = KEYS[1] .. ':log', cjson.decode(ARGV[3]).reply
  local told = redis.call('HGET', KEYS[1], 'told')  -- the line of a notice to who waits joins the history later
  told = told and cjson.decode(told)
  if told and told.id == reply then
    told.delivery, told.delivery_reason = ARGV[7], ARGV[8]
    redis.call('HSET', KEYS[1], 'told', cjson.encode(told))
  end
  local lines = redis.call('LRANGE', log, 0, -1)
  for index = #lines, 1, -1 do
    local line = string.find(lines[index], reply, 1, true) and cjson.decode(lines[index])
    if line and line.id == reply then
      line.delivery, line.delivery_reason = ARGV[7], ARGV[8]
      redis.call('LSET', log, index - 1, cjson.encode(line))
      break
    end
  end
end
if ARGV[9] ~= '' and redis.call('EXISTS', KEYS[1] .. ':in') == 0 then redis.call('HSET', KEYS[1], 'closed', ARGV[9]) end
if redis.call('LLEN', KEYS[2]) > 0 then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[3], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1])
  redis.call('LPUSH', KEYS[4], 1)
  redis.call('LTRIM', KEYS[4], 0, ARGV[6] - 1)
else
  redis.call('ZREM', KEYS[3], ARGV[1])
end
return 1
