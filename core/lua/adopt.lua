-- Version 1 to 2: traces that had keys of their own go to their conversation's, before those that are there already.
-- Returns how many.
-- KEYS: traces, then the old keys, oldest first    ARGV: trace_ms
local adopted = 0
for i = #KEYS, 2, -1 do
  local trace = redis.call('GET', KEYS[i])
  if trace then
    redis.call('LPUSH', KEYS[1], trace)
    redis.call('DEL', KEYS[i])
    adopted = adopted + 1
  end
end
if adopted > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return adopted
