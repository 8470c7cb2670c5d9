-- ARGV: session. Gives back all that a session owns, 500 at a time. Returns how many are left.
full()
local owns = B .. ':owns:' .. ARGV[1]
for _, a in ipairs(call('SRANDMEMBER', owns, 500)) do disown(a, ARGV[1]) end
local left = call('SCARD', owns)
if left == 0 then call('ZREM', B .. ':sessions', ARGV[1]) end
return left
