-- A turn needs a seat at the model and none is free: it stands in line, from when its first message came.
-- Returns {place (from 1), for how many ms it has waited, how many ms a seat is held (0: not known), seats of all workers, 1 if it stood there before},
-- or nothing if the lease was lost.
-- KEYS: hash line seats    ARGV: conversation fence
local known = redis.call('HMGET', KEYS[1], 'fence', 'since')
if known[1] ~= ARGV[2] then return false end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = known[2] or now
if not known[2] then redis.call('HSET', KEYS[1], 'since', now) end
local new = redis.call('ZADD', KEYS[2], 'NX', since, ARGV[1])
local held, seats, stored = 0, 0, redis.call('HGETALL', KEYS[3])
for i = 1, #stored, 2 do
  local count, ends = string.match(stored[i + 1], '^(%d+) (%d+)$')
  if stored[i] == 'held_ms' then
    held = math.ceil(stored[i + 1])
  elseif tonumber(ends) < now then
    redis.call('HDEL', KEYS[3], stored[i])
  else
    seats = seats + count
  end
end
return {redis.call('ZRANK', KEYS[2], ARGV[1]) + 1, now - since, held, seats, 1 - new}
