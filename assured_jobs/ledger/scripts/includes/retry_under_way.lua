-- retry_under_way: whether a delivery's retry has begun somewhere, or one that was noted is in the broker.
-- `noted` is "begun", or lines of "<id> <payload hash>", or false.
local function retry_under_way(noted)
  if noted == 'begun' then
    return true
  end
  -- Line by line, and each from its start: a pattern that may begin anywhere takes minutes over a long foreign value.
  for line in string.gmatch(noted or '', '[^\n]+') do
    local successor, where = string.match(line, '^(%S+) (.+)$')
    if successor and redis.call('HEXISTS', where, successor) == 1 then
      return true
    end
  end
  return false
end
