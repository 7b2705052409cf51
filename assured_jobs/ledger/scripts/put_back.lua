-- put_back: fetched -> queue, at the front. For a delivery that its living worker has forgotten.
--
-- KEYS[1] alive   ZSET  instance id -> last heartbeat, ms
-- KEYS[2] owners  HASH  delivery -> "<instance id> <token> <ack set>"
-- KEYS[3] acks    SET   this incarnation's ack set of the queue   KEYS[4] msgs HASH   KEYS[5] queue LIST  (Dramatiq's)
-- ARGV[1] instance id   ARGV[2] delivery
--
-- Returns 1 put back, or dropped where its payload is gone; 0 it is no longer ours, or has started.
local alive, owners, acks, msgs, queue = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, delivery = ARGV[1], ARGV[2]

--- include expect
expect('list', queue)

if not redis.call('ZSCORE', alive, id) or redis.call('HEXISTS', owners, delivery) == 1 then
  return 0
end
if redis.call('SREM', acks, delivery) == 0 then
  return 0
end
if redis.call('HEXISTS', msgs, delivery) == 1 then
  redis.call('LPUSH', queue, delivery)
end
return 1
