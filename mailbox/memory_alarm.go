package mailbox

import "time"

// An alarm says when the desk is to look at a box.
type alarm struct {
	at  int64 // Unix nanoseconds
	box *box
}

// maxSleep is how long the desk sleeps at most while there are alarms: the clock
// on the wall may be set.
const maxSleep = time.Minute

// setAlarm makes the desk look at b when the clock shows at. The box's lock is
// held.
func (d *desk) setAlarm(b *box, at int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alarms = append(d.alarms, alarm{at, b})
	for i := len(d.alarms) - 1; i > 0; {
		up := (i - 1) / 2
		if d.alarms[up].at <= d.alarms[i].at {
			break
		}
		d.alarms[up], d.alarms[i] = d.alarms[i], d.alarms[up]
		i = up
	}
	if d.set == 0 || at < d.set {
		d.sleep(at)
	}
}

// sleep sets the timer. The lock is held.
func (d *desk) sleep(until int64) {
	d.set, d.lead = until, d.aheadOf()
	wait := min(time.Duration(until-d.store.wall().UnixNano()), maxSleep)
	if d.timer == nil {
		d.timer = time.AfterFunc(wait, d.onTimer)
		return
	}
	d.timer.Reset(wait)
}

// aheadOf returns how far the clock on the wall is ahead of the one that nobody sets.
func (d *desk) aheadOf() time.Duration {
	return d.store.wall().Sub(d.store.start.Round(0)) - time.Since(d.store.start)
}

// onTimer rings the alarms that are due, or all if somebody has put the clock back:
// boxes that rest are not to wait for it.
func (d *desk) onTimer() {
	now := d.store.wall().UnixNano()
	var due []alarm
	d.mu.Lock()
	all := d.lead-d.aheadOf() > time.Second
	for len(d.alarms) > 0 && (all || d.alarms[0].at <= now) {
		due = append(due, d.popAlarm())
	}
	d.set = 0
	if len(d.alarms) > 0 {
		d.sleep(d.alarms[0].at)
	}
	d.mu.Unlock()
	for _, a := range due {
		a.box.ringAt(a.at)
	}
}

func (d *desk) popAlarm() alarm {
	h := d.alarms
	first, last := h[0], len(h)-1
	h[0] = h[last]
	h[last] = alarm{}
	h = h[:last]
	for i := 0; ; {
		next := 2*i + 1
		if next >= last {
			break
		}
		if next+1 < last && h[next+1].at < h[next].at {
			next++
		}
		if h[i].at <= h[next].at {
			break
		}
		h[i], h[next] = h[next], h[i]
		i = next
	}
	d.alarms = h
	return first
}
