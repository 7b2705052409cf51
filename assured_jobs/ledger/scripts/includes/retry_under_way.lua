-- retry_under_way: whether a delivery's retry has begun somewhere, or one that was noted is in the broker.
-- `noted` is "begun", or lines of "<id> <payload hash>", or false.
local function retry_under_way(noted)
  if noted == 'begun' then
    return true
  end
  for successor, where in string.gmatch(noted or '', '(%S+) ([^\n]+)\n') do
    if redis.call('HEXISTS', where, successor) == 1 then
      return true
    end
  end
  return false
end
