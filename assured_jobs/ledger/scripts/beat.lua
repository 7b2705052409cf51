-- beat: alive -> alive. One heartbeat, scored with the store's clock, and the instance's own presence
-- verified by the server: only a connection the server itself sees can later be missed.
--
-- KEYS[1] alive   ZSET  instance id -> last heartbeat, ms
-- KEYS[2] dead    ZSET  instance id -> died at, ms
-- KEYS[3] buried  ZSET  instance id -> buried at, ms
-- KEYS[4] vitals  HASH  instance id -> "<run_id of the server that saw the presence, or -> <draining 0|1> <signs>"
-- KEYS[5] instances  HASH  instance id -> description, JSON
-- KEYS[6...]         SETs  every ack set of this incarnation (Dramatiq's)
-- ARGV[1] instance id
-- ARGV[2] the instance's presence channel, or "" where presence is off
-- ARGV[3] draining, 0 or 1   ARGV[4] signs: uptime, memory and the like, for whoever asks how it died
--
-- Returns {"alive", run_id or "-", how many deliveries it has fetched and not acked}; {"fenced"} where a tombstone stands; {"unknown"} where the store lost its
-- data, {"undescribed"} where it lost the description alone: the caller registers again.
local alive, dead, buried, vitals, instances = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, channel, draining, signs = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if redis.call('ZSCORE', dead, id) or redis.call('ZSCORE', buried, id) then
  return {'fenced'}
end
if not redis.call('ZSCORE', alive, id) then
  return {'unknown'}
end
if redis.call('HEXISTS', instances, id) == 0 then
  return {'undescribed'}
end

-- pcall: an ACL or a managed service may refuse either command; then there is no presence, only the heartbeat.
local seen_by = '-'
if channel ~= '' then
  local count = redis.pcall('PUBSUB', 'NUMSUB', channel)
  local info = redis.pcall('INFO', 'server')
  if count[2] and tonumber(count[2]) > 0 and type(info) == 'string' then
    seen_by = string.match(info, 'run_id:(%x+)') or '-'
  end
end

local time = redis.call('TIME')
redis.call('ZADD', alive, time[1] * 1000 + math.floor(time[2] / 1000), id)
redis.call('HSET', vitals, id, seen_by .. ' ' .. draining .. ' ' .. signs)
local fetched = 0
for i = 6, #KEYS do
  fetched = fetched + redis.call('SCARD', KEYS[i])
end
return {'alive', seen_by, tostring(fetched)}
