-- forget: keeps what only serves the memory bounded: tombstones and the list of the discarded.
--
-- KEYS[1] buried ZSET  KEYS[2] discarded ZSET   id -> ms
-- KEYS[3] instances HASH  KEYS[4] deaths HASH   instance id -> ...
-- KEYS[5] orphans HASH  delivery -> "<since ms> <what an operator sees, JSON>"
-- ARGV[1] milliseconds to remember   ARGV[2] how many at most are forgotten in one call
-- ARGV[3] how many of each are remembered at most, however young
--
-- Returns how many were forgotten.
local buried, discarded, instances, deaths, orphans = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local memory, most, room = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local time = redis.call('TIME')
local before = time[1] * 1000 + math.floor(time[2] / 1000) - memory

local function oldest(key)
  local too_many = math.min(redis.call('ZCARD', key) - room, most)
  if too_many > 0 then
    return redis.call('ZRANGE', key, 0, too_many - 1)
  end
  return redis.call('ZRANGEBYSCORE', key, '-inf', before, 'LIMIT', 0, most)
end

local old = oldest(buried)
for _, id in ipairs(old) do
  redis.call('ZREM', buried, id)
  redis.call('HDEL', instances, id)
  redis.call('HDEL', deaths, id)
end
local trash = oldest(discarded)
for _, delivery in ipairs(trash) do
  redis.call('ZREM', discarded, delivery)
  redis.call('HDEL', orphans, delivery)
end
return #old + #trash
