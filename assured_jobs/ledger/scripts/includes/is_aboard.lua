-- is_aboard: whether a recorded start still runs, for all that can be known: its end reaches us up to half a second after
-- Dramatiq has acked it, which takes its payload away. `owners` tells its ack set, `<namespace>:__acks__.<broker id>.<queue>`.
local function is_aboard(delivery, entries, owners)
  if redis.call('HEXISTS', entries, delivery) == 0 then
    return false
  end
  local acks = string.match(redis.call('HGET', owners, delivery) or '', '^%S+ %S+ (.*)$') or ''
  local namespace, queue = string.match(acks, '^(.-):__acks__%.[^.]+%.(.+)$')
  return not queue or redis.call('HEXISTS', namespace .. ':' .. queue .. '.msgs', delivery) == 1
end
