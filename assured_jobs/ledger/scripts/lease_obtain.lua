-- lease_obtain: free or mine -> mine. Free also when its holder is dead: a killed watcher must not keep
-- everybody else from recovering its jobs until the lease runs out.
--
-- KEYS[1] lease   STRING  instance id of the holder
-- KEYS[2] alive   ZSET    instance id -> last heartbeat, ms
-- KEYS[3] vitals  HASH    instance id -> "<run_id> <draining> <signs>"
-- ARGV[1] instance id   ARGV[2] ttl, ms   ARGV[3] prefix of the presence channels
-- ARGV[4] milliseconds after which a silent holder no longer counts
--
-- Returns 1 obtained or renewed, 0 another living instance holds it.
local lease, alive, vitals = KEYS[1], KEYS[2], KEYS[3]
local id, ttl, channel_prefix, silence = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local function holds_on(holder)
  local beat = redis.call('ZSCORE', alive, holder)
  if not beat then
    return false
  end
  local time = redis.call('TIME')
  if time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(beat) > silence then
    return false
  end
  local seen_by = string.match(redis.call('HGET', vitals, holder) or '', '^(%x+) ')
  local info = redis.pcall('INFO', 'server')
  if seen_by and type(info) == 'string' and seen_by == string.match(info, 'run_id:(%x+)') then
    local count = redis.pcall('PUBSUB', 'NUMSUB', channel_prefix .. holder)
    return not count[2] or tonumber(count[2]) > 0
  end
  return true
end

local holder = redis.call('GET', lease)
if holder and holder ~= id and holds_on(holder) then
  return 0
end
redis.call('SET', lease, id, 'PX', ttl)
return 1
