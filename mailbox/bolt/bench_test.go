package bolt

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/troupe-go/troupe/mailbox"
	bolt "go.etcd.io/bbolt"
)

var benchBody = []byte(`{"Item":"apple","N":3,"Note":"sixty-four bytes of an ordinary little mail"}`)

// BenchmarkRaw is what a program does that uses bbolt itself: append, read,
// acknowledge; with many writers, in batches that are cut as well as can be.
func BenchmarkRaw(b *testing.B) {
	eachSetting(b, func(b *testing.B, noSync bool, writers int) {
		db, err := bolt.Open(filepath.Join(b.TempDir(), "raw.db"), 0o600, &bolt.Options{
			NoSync: noSync, NoFreelistSync: true, FreelistType: bolt.FreelistMapType,
		})
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		db.MaxBatchSize, db.MaxBatchDelay = writers, time.Millisecond
		name := []byte("mail")
		db.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucket(name); return err })
		update := db.Update
		if writers > 1 {
			update = db.Batch
		}
		var sink atomic.Int64
		share(b, writers, func(int) {
			var key []byte
			update(func(tx *bolt.Tx) error {
				bucket := tx.Bucket(name)
				n, err := bucket.NextSequence()
				if err != nil {
					return err
				}
				key = binary.BigEndian.AppendUint64(nil, n)
				return bucket.Put(key, benchBody)
			})
			db.View(func(tx *bolt.Tx) error {
				sink.Add(int64(len(tx.Bucket(name).Get(key))))
				return nil
			})
			update(func(tx *bolt.Tx) error { return tx.Bucket(name).Delete(key) })
		})
	})
}

// BenchmarkStore is the same with a Store: put, fetch, settle, until all is
// settled and written.
func BenchmarkStore(b *testing.B) {
	eachSetting(b, func(b *testing.B, noSync bool, writers int) {
		var opts []Option
		if noSync {
			opts = append(opts, NoSync())
		}
		s, err := Open(filepath.Join(b.TempDir(), "mail.db"), opts...)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		session, err := s.Serve(b.Context(), mailbox.Serving{})
		if err != nil {
			b.Fatal(err)
		}
		var left atomic.Int64
		left.Store(int64(b.N))
		done := make(chan struct{})
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		go readAll(ctx, session, &left, done)
		share(b, writers, func(w int) {
			if err := s.Put(context.Background(), mailbox.Mail{Address: fmt.Sprint("/w/", w), Body: benchBody}); err != nil {
				b.Error(err)
			}
		}, func() {
			<-done
			session.Flush(context.Background())
		})
	})
}

func eachSetting(b *testing.B, f func(b *testing.B, noSync bool, writers int)) {
	for _, noSync := range []bool{false, true} {
		for _, writers := range []int{1, 64} {
			b.Run(fmt.Sprintf("sync=%v/writers=%d", !noSync, writers), func(b *testing.B) { f(b, noSync, writers) })
		}
	}
}

// share does b.N pieces of work with some writers.
func share(b *testing.B, writers int, work func(writer int), then ...func()) {
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for next.Add(1) <= int64(b.N) {
				work(w)
			}
		})
	}
	wg.Wait()
	for _, f := range then {
		f()
	}
}

// readAll is the owner of all addresses, without a goroutine for each.
func readAll(ctx context.Context, session mailbox.Session, left *atomic.Int64, done chan struct{}) {
	for {
		box, err := session.Next(ctx)
		if err != nil {
			return
		}
		var drain func()
		var mu sync.Mutex
		buf := make([]mailbox.Delivery, 16)
		drain = func() {
			mu.Lock()
			defer mu.Unlock()
			for {
				n, err := box.Fetch(buf, func() { go drain() })
				if n == 0 || err != nil {
					return
				}
				for i := range n {
					box.Settle([]mailbox.Outcome{{Key: buf[i].Key}})
				}
				if left.Add(int64(-n)) == 0 {
					close(done)
				}
			}
		}
		drain()
	}
}
