-- Somebody deleted a message: what waits of it is emptied, what the history and the traces hold of it is removed.
-- What waits keeps its place, for a worker that has the conversation counts what it took; it is told, and the count of
-- what was withdrawn since the last turn keeps it from ending a turn that has changed. Returns how many were found.
-- KEYS: waiting log traces hash
-- ARGV: message conversation news
local found, said = 0, {}
for index, stored in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local one = cjson.decode(stored)
  if one.message == ARGV[1] and not one.withdrawn then
    said[#said + 1] = one.text
    one.text, one.quoted, one.post, one.argument, one.withdrawn = nil, nil, nil, nil, true
    redis.call('LSET', KEYS[1], index - 1, cjson.encode(one))
    found = found + 1
  end
end
if found > 0 then
  redis.call('HINCRBY', KEYS[4], 'withdrawn', 1)
  if redis.call('HGET', KEYS[4], 'leased') == '1' then redis.call('PUBLISH', ARGV[3], ARGV[2]) end
end
for _, stored in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  local line = cjson.decode(stored)
  if line.message == ARGV[1] and line.role ~= 'bot' then
    said[#said + 1] = line.text
    redis.call('LREM', KEYS[2], 1, stored)
    found = found + 1
  end
end
for _, stored in ipairs(#said > 0 and redis.call('LRANGE', KEYS[3], 0, -1) or {}) do
  local question = cjson.decode(stored).question or ''
  for _, text in ipairs(said) do
    if text and text ~= '' and string.find(question, text, 1, true) then
      redis.call('LREM', KEYS[3], 1, stored)
      break
    end
  end
end
return found
