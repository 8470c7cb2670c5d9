-- ARGV: session, address, and what was fetched and not settled: lane, id, count.
full()
local session, a = ARGV[1], ARGV[2]
if call('HGET', B .. ':owner', a) ~= session then return 'LOST' end
for at = 3, #ARGV, 3 do
  local s = B .. ':' .. LANES[tonumber(ARGV[at])] .. ':' .. a
  call('XCLAIM', s, 'g', 'o', 0, ARGV[at + 1], 'RETRYCOUNT', ARGV[at + 2], 'JUSTID')
end
disown(a, session)
return 'OK'
