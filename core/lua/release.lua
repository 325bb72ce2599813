-- A consumer is stopped that never heard what it took last: that is due again at once, and nobody died over it.
-- Returns how many there were.
-- KEYS: claim due bell conversations (what the keys of a conversation begin with; all are in one slot)
-- ARGV: number fence_field bells
local last = redis.call('GET', KEYS[1])
last = last and cjson.decode(last)
if not last or last[1] ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local released = 0
for i = 2, #last do
  local id, fence, begun = unpack(last[i])
  local hash = KEYS[4] .. id
  if redis.call('HGET', hash, ARGV[2]) == fence then
    redis.call('ZADD', KEYS[2], 'XX', now, id)
    if ARGV[2] == 'fence' then redis.call('HDEL', hash, 'leased') end
    if begun == -1 then redis.call('HDEL', hash, 'begun') end
    released = released + 1
  end
end
if released > 0 then
  redis.call('LPUSH', KEYS[3], 1)
  redis.call('LTRIM', KEYS[3], 0, ARGV[3] - 1)
end
return released
