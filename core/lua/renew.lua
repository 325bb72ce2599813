-- Prolong a lease. Returns 1, or 0 if it was lost.
-- KEYS: hash due    ARGV: conversation fence_field fence lease_ms
local known = redis.call('HMGET', KEYS[1], ARGV[2], 'leased')
if known[1] ~= ARGV[3] then return 0 end
-- A renewal that comes late must not hide a turn that was handed back.
if ARGV[2] == 'fence' and known[2] ~= '1' then return 0 end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[4], ARGV[1])
return 1
