-- ARGV: session, lease in ms, whether it begins. Also gives away what dead sessions owned.
-- Returns LOST or OK.
full()
local session, lease, t = ARGV[1], tonumber(ARGV[2]), now()
local sessions = B .. ':sessions'
if ARGV[3] ~= '1' then
  local score = call('ZSCORE', sessions, session)
  if not score or tonumber(score) < t then return 'LOST' end
end
call('ZADD', sessions, t + lease, session)
-- A lease that ends later than it could was given before the clock jumped back.
for _, s in ipairs(call('ZRANGEBYSCORE', sessions, '(' .. whole(t + lease), '+inf')) do
  local latest = t + tonumber(string.match(s, '~(%d+)$'))
  if tonumber(call('ZSCORE', sessions, s)) > latest then call('ZADD', sessions, latest, s) end
end
for _, s in ipairs(call('ZRANGEBYSCORE', sessions, '-inf', '(' .. whole(t), 'LIMIT', 0, 16)) do
  for _, a in ipairs(call('SRANDMEMBER', B .. ':owns:' .. s, 500)) do disown(a, s) end
  if call('SCARD', B .. ':owns:' .. s) == 0 then call('ZREM', sessions, s) end
end
return 'OK'
