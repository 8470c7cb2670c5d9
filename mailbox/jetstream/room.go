package jetstream

import (
	"slices"

	"github.com/nats-io/nats.go"
)

// tell tells all programs something about an address.
func (d *desk) tell(what byte, address string) {
	_ = d.store.nc.Publish(d.store.prefix+".ctl", append([]byte{what}, address...)) // senders look again by themselves
}

// hear hears what programs tell each other.
func (s *Store) hear(m *nats.Msg) {
	if len(m.Data) == 0 {
		return
	}
	d := &s.desk
	switch address := string(m.Data[1:]); m.Data[0] {
	case 'w': // somebody waits for room
		d.mu.Lock()
		d.wanted[address] = true
		d.mu.Unlock()
	case 'm': // there is room
		d.mu.Lock()
		for _, c := range d.rooms[address] {
			close(c)
		}
		delete(d.rooms, address)
		d.mu.Unlock()
	}
}

// roomAt says that a sender waits for room. The channel is closed when there may be
// some.
func (d *desk) roomAt(address string) (heard <-chan struct{}, stop func()) {
	c := make(chan struct{})
	d.mu.Lock()
	d.rooms[address] = append(d.rooms[address], c)
	d.mu.Unlock()
	d.tell('w', address)
	_ = d.store.nc.Flush() // the owner has heard of it before the sender looks
	return c, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if i := slices.Index(d.rooms[address], c); i >= 0 {
			d.rooms[address] = slices.Delete(d.rooms[address], i, i+1)
			if len(d.rooms[address]) == 0 {
				delete(d.rooms, address)
			}
		}
	}
}

// room tells senders that mail of an address has gone.
func (d *desk) room(addresses map[string]bool) {
	d.mu.Lock()
	var tell []string
	for a := range addresses {
		if d.wanted[a] {
			delete(d.wanted, a)
			tell = append(tell, a)
		}
	}
	d.mu.Unlock()
	for _, a := range tell {
		d.tell('m', a)
	}
}
