-- A reply wants to show while it is being written. Its first draft is marked as begun before it is sent, so that it is
-- known that something of it may stand on the platform, whoever dies meanwhile.
-- Returns {'no'}: a reply before it waits, this one was sent already, the chat is closed, or the conversation is gone;
-- {'edit', draft}: it stands there; {'begun', ms ago}: perhaps it does; {'send'}: it does not, and is marked now.
-- KEYS: hash out    ARGV: reply mark (of this call alone: the client repeats one whose answer was lost)
local known = redis.call('HMGET', KEYS[1], 'draft', 'draft_at', 'delivered', 'closed')
if redis.call('EXISTS', KEYS[2]) == 1 or known[4] or redis.call('EXISTS', KEYS[1]) == 0 then return {'no'} end
if known[3] and cjson.decode(known[3]).reply == ARGV[1] then return {'no'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if known[1] and cjson.decode(known[1]).reply == ARGV[1] then
  if known[1] == ARGV[2] then return {'send'} end
  if known[2] then return {'begun', now - known[2]} end
  return {'edit', known[1]}
end
redis.call('HSET', KEYS[1], 'draft', ARGV[2], 'draft_at', now)
return {'send'}
