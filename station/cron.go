package station

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A plan says at which times something happens.
type plan interface {
	// next returns the first time after t, zero if there is none.
	next(t time.Time) time.Time
}

// every is a plan with times that are multiples of a duration: whoever reads it, at
// whatever time, finds the same ones.
type every time.Duration

func (e every) next(t time.Time) time.Time {
	return t.Truncate(time.Duration(e)).Add(time.Duration(e))
}

// A cron is a plan in the manner of cron(8): sets of minutes, hours, days of the
// month, months and days of the week, a bit each.
type cron struct {
	minute, hour, day, month, weekday uint64
	anyDay, anyWeekday                bool
	where                             *time.Location
}

// What can stand in place of five fields.
var shorthands = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
	"@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

// parsePlan reads a plan; see [Schedule].
func parsePlan(text string) (plan, error) {
	where := time.Local
	rest := strings.TrimSpace(text)
	if zone, after, ok := strings.Cut(rest, " "); ok && strings.HasPrefix(zone, "TZ=") {
		var err error
		if where, err = time.LoadLocation(zone[len("TZ="):]); err != nil {
			return nil, err
		}
		rest = strings.TrimSpace(after)
	}
	if d, ok := strings.CutPrefix(rest, "@every "); ok {
		wait, err := time.ParseDuration(strings.TrimSpace(d))
		if err == nil && wait < time.Millisecond {
			err = errors.New("it must be a millisecond at least")
		}
		return every(wait), err
	}
	if long, ok := shorthands[rest]; ok {
		rest = long
	}
	return parseCron(rest, where)
}

func parseCron(text string, where *time.Location) (plan, error) {
	fields := strings.Fields(text)
	if len(fields) != 5 {
		return nil, errors.New("it must have five fields (minute, hour, day of the month, month, day of the week), or be \"@every 5m\", \"@daily\" or the like")
	}
	c := &cron{where: where, anyDay: fields[2][0] == '*', anyWeekday: fields[4][0] == '*'}
	for i, f := range []struct {
		name     string
		into     *uint64
		low, top int
		names    string
	}{
		{"minute", &c.minute, 0, 59, ""},
		{"hour", &c.hour, 0, 23, ""},
		{"day of the month", &c.day, 1, 31, ""},
		{"month", &c.month, 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"},
		{"day of the week", &c.weekday, 0, 7, "sun mon tue wed thu fri sat"},
	} {
		set, err := parseField(fields[i], f.low, f.top, strings.Fields(f.names))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		*f.into = set
	}
	c.weekday |= c.weekday >> 7 // 7 is Sunday too
	if c.next(time.Date(2000, 1, 1, 0, 0, 0, 0, where)).IsZero() {
		return nil, errors.New("there is no such day")
	}
	return c, nil
}

// parseField reads lists of values and ranges with steps: "1,5-9,20-40/5", "*/15".
func parseField(text string, low, top int, names []string) (set uint64, err error) {
	value := func(s string) (int, error) {
		for i, name := range names {
			if strings.EqualFold(s, name) {
				return low + i, nil
			}
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > top {
			return 0, fmt.Errorf("%q is not a number from %d to %d", s, low, top)
		}
		return n, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
				return 0, fmt.Errorf("%q is no step", stepText)
			}
		}
		from, to := low, top
		if span != "*" {
			first, last, ranged := strings.Cut(span, "-")
			if from, err = value(first); err != nil {
				return 0, err
			}
			switch {
			case ranged:
				if to, err = value(last); err != nil {
					return 0, err
				}
			case !stepped:
				to = from
			}
		}
		if from > to {
			return 0, fmt.Errorf("%q ends before it begins", part)
		}
		for n := from; n <= to; n += step {
			set |= 1 << n
		}
	}
	return set, nil
}

// next looks month by month, day by day, hour by hour. A time that the clock
// leaves out when summer begins falls out; one that comes twice counts once.
func (c *cron) next(t time.Time) time.Time {
	t = t.In(c.where)
	last := t
	t = t.Truncate(time.Minute).Add(time.Minute)
	for end := t.Year() + 29; t.Year() < end; {
		switch {
		case c.month&(1<<int(t.Month())) == 0:
			t = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, c.where)
		case !c.onDay(t):
			t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, c.where)
		case c.hour&(1<<t.Hour()) == 0:
			t = t.Add(time.Duration(60-t.Minute()) * time.Minute)
		case c.minute&(1<<t.Minute()) == 0 || sameClock(t, last):
			t = t.Add(time.Minute)
		default:
			return t
		}
	}
	return time.Time{}
}

// sameClock reports whether clocks show for a the minute that they showed for b,
// which is so when they were put back in between.
func sameClock(a, b time.Time) bool {
	return a.Minute() == b.Minute() && a.Hour() == b.Hour() && a.YearDay() == b.YearDay() && a.Year() == b.Year()
}

func (c *cron) onDay(t time.Time) bool {
	day := c.day&(1<<t.Day()) != 0
	weekday := c.weekday&(1<<int(t.Weekday())) != 0
	if c.anyDay || c.anyWeekday {
		return day && weekday
	}
	return day || weekday // as cron has it: either will do
}
