-- succeed: notes, before it is enqueued, that a retry of a started delivery goes out under a new id. If the
-- process dies between that enqueue and the ack, recovery finds the retry and does not hand back a second copy.
--
-- KEYS[1] owners      HASH  delivery -> "<instance id> <token> <ack set>"
-- KEYS[2] successors  HASH  delivery -> "begun", or lines of "<id> <payload hash>"
-- ARGV[1] delivery   ARGV[2] id of its successor   ARGV[3] payload hash the successor goes into
--
-- Returns 1 noted, 0 the delivery is finished and needs no note.
local owners, successors = KEYS[1], KEYS[2]
local delivery, successor, msgs = ARGV[1], ARGV[2], ARGV[3]

if redis.call('HEXISTS', owners, delivery) == 0 then
  return 0
end
local noted = redis.call('HGET', successors, delivery)
if noted ~= 'begun' then
  local line = successor .. ' ' .. msgs .. '\n'
  redis.call('HSET', successors, delivery, (noted or '') .. line)
end
return 1
