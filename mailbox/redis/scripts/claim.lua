-- ARGV: session, how many to load, whether it asks again, addresses. Makes the session the owner of those that can be had.
-- Returns for each what load returns, or 0.
full()
local session = ARGV[1]
local score = call('ZSCORE', B .. ':sessions', session)
if not score or tonumber(score) < now() then return 'LOST' end
local n = ARGV[2]
local all = {n, '-', '0', n, '-', '0', n, '-', '0'}
local out = {}
for i = 4, #ARGV do
  local a = ARGV[i]
  if call('ZREM', B .. ':ready', a) == 1 or ARGV[3] == '1' and call('HGET', B .. ':owner', a) == session then
    call('HSET', B .. ':owner', a, session)
    call('SADD', B .. ':owns:' .. session, a)
    out[#out + 1] = load(a, all, 1)
  else
    out[#out + 1] = 0
  end
end
return out
