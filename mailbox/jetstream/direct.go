package jetstream

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
)

// A stored message is one that was read from a stream by its number.
type stored struct {
	subject string
	seq     uint64
	at      time.Time
	header  nats.Header
	data    []byte
}

// get reads up to n messages of a stream whose subject matches, from a number on.
func (s *Store) get(ctx context.Context, stream js.Stream, subject string, from uint64, n int) ([]stored, error) {
	request, _ := json.Marshal(map[string]any{"seq": from, "next_by_subj": subject, "batch": n}) // strings and numbers
	sub, err := s.nc.SubscribeSync(s.nc.NewInbox())
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	name := stream.CachedInfo().Config.Name
	if err := s.nc.PublishRequest("$JS.API.DIRECT.GET."+name, sub.Subject, request); err != nil {
		return nil, err
	}
	var got []stored
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, err
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case "204", "404": // that was all
			return got, nil
		default:
			return nil, fmt.Errorf("reading %s: %s %s", name, status, m.Header.Get("Description"))
		}
		x := stored{subject: m.Header.Get("Nats-Subject"), header: m.Header, data: m.Data}
		x.seq, _ = strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		x.at, _ = time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
		got = append(got, x)
	}
}

// fetch reads mail of an address from a number on.
func (p *partition) fetch(ctx context.Context, address string, lane int, from uint64, n int) ([]*item, error) {
	got, err := p.store.get(ctx, p.store.mail, p.store.mailSubject(address, lane), from, n)
	if err != nil {
		return nil, err
	}
	items := make([]*item, 0, len(got))
	for _, m := range got {
		items = append(items, p.item(address, lane, m.seq, m.header, m.at, m.data))
	}
	return items, nil
}
