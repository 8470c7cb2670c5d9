package csp

// putAtOnce is the put of the buffers that never make a put wait. The put is in flight.
func (c *Chan[T]) putAtOnce(v T) error {
	switch c.buffer.kind {
	case dropping:
		c.putDropping(v)
	case sliding:
		c.putSliding(v)
	default:
		c.putElastic(v)
	}
	return c.accepted()
}

func (c *Chan[T]) putDropping(v T) {
	select {
	case c.ch <- v:
	default:
		c.dropped.Add(1)
	}
}

// putSliding makes room until its value fits. The lock keeps a second put from taking the
// room made by the first, which would throw away more than is needed.
func (c *Chan[T]) putSliding(v T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		select {
		case c.ch <- v:
			return
		default:
		}
		select {
		case <-c.ch:
			c.dropped.Add(1)
		default: // a getter was quicker, and made the room
		}
	}
}

// putElastic queues what the native channel has no room for. A goroutine exists only while
// the queue is not empty; it counts as a put in flight, so that a closed channel ends after
// its queue.
func (c *Chan[T]) putElastic(v T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.pumping {
		select {
		case c.ch <- v:
			return
		default:
		}
		c.pumping = true
		c.state.Add(flight)
		go c.pump()
	}
	c.overflow = append(c.overflow, v)
	c.backlog.Add(1)
}

func (c *Chan[T]) pump() {
	var batch []T
	for {
		clear(batch)
		c.mu.Lock()
		batch, c.overflow = c.overflow, batch[:0]
		if len(batch) == 0 {
			c.pumping, c.overflow = false, nil
			c.mu.Unlock()
			c.leave()
			return
		}
		c.mu.Unlock()
		for _, v := range batch {
			c.ch <- v
			c.backlog.Add(-1)
		}
	}
}
