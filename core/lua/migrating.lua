-- Who brings the data up to date: one process at a time, for as long as it says so again and again. With a version: it is
-- done, the data are of that version now.
-- Returns 1, or 0 if another process is at it.
-- KEYS: schema    ARGV: process lease_ms version ('': begun, or goes on)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stored = cjson.decode(redis.call('GET', KEYS[1]))
local at = stored.migrating
if ARGV[3] == '' then
  if at and at.by ~= ARGV[1] and at.ends > now then return 0 end
  stored.migrating = {by = ARGV[1], ends = now + ARGV[2]}
else
  if stored.version >= tonumber(ARGV[3]) then return 1 end
  if not at or at.by ~= ARGV[1] then return 0 end
  stored.version, stored.migrating = tonumber(ARGV[3]), nil
end
redis.call('SET', KEYS[1], cjson.encode(stored))
return 1
