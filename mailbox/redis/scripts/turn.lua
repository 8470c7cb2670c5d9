-- ARGV: session, address, number of outcomes, each as verdict, lane, id, put, tries, at, reason;
-- number of counts, each as lane, id, count; whether to load, and if so the arguments of load.
-- Returns LOST, STOPPED, or what load returns.
full()
local session, a = ARGV[1], ARGV[2]
if call('HGET', B .. ':owner', a) ~= session then return 'LOST' end
local at = 4
local gone = 0
for _ = 1, tonumber(ARGV[3]) do
  local verdict, lane, id = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local s = B .. ':' .. LANES[lane] .. ':' .. a
  local data
  if verdict ~= 'h' then
    local e = call('XRANGE', s, id, id)[1]
    data = e and field(e, 'd')
  end
  call('XACK', s, 'g', id)
  if call('XDEL', s, id) == 1 then
    gone = gone + 1
    local put, tries = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    if verdict == 'd' then
      bury(a, lane, ARGV[at + 6], tries, put, data)
    elseif verdict == 'a' then
      if place(a, lane, tonumber(ARGV[at + 5]), put, tries, data) then arrived(a, lane) end
      gone = gone - 1
    end
  end
  at = at + 7
end
if gone > 0 then grew(a, -gone) end
local counts = tonumber(ARGV[at])
at = at + 1
for _ = 1, counts do
  local s = B .. ':' .. LANES[tonumber(ARGV[at])] .. ':' .. a
  call('XCLAIM', s, 'g', 'o', 0, ARGV[at + 1], 'RETRYCOUNT', ARGV[at + 2], 'JUSTID')
  at = at + 3
end
if call('ZSCORE', B .. ':stops', a) then return 'STOPPED' end
if ARGV[at] == '0' then return 'OK' end
return load(a, ARGV, at + 1)
